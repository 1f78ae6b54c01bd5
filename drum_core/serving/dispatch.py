"""What is done around every answer: request id, slot, errors, HEAD, OPTIONS, headers, log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from drum_core.errors import BodyTooLargeError
from drum_core.messages import Headers, Request, Response, Route, RoutePolicy
from drum_core.serving.admission import Slots
from drum_core.serving.answers import bytes_response, standard_headers
from drum_core.serving.errors import answer_to
from drum_core.serving.request_id import current_request_id, request_id_of
from drum_core.serving.streaming import HeldStream

__all__ = ["Answer", "Dispatcher", "Endpoint"]

_logger = logging.getLogger(__name__)

Answer: TypeAlias = Callable[[Request], Response]
"""Like a `Handler`, but it may raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One thing the server can do, and the paths at which it does it."""

    name: str
    paths: tuple[str, ...]
    answer: Answer
    policy: RoutePolicy
    method: str = "GET"

    @property
    def methods(self) -> tuple[str, ...]:
        """All methods of its paths: HEAD where GET is, and OPTIONS."""
        return ("GET", "HEAD", "OPTIONS") if self.method == "GET" else (self.method, "OPTIONS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """Makes routes of endpoints, whose handlers never raise."""

    slots: Slots
    body_limit: int

    def routes(self, endpoints: Iterable[Endpoint]) -> list[Route]:
        """A route for each path of each endpoint."""
        return [
            Route(
                path=path,
                methods=endpoint.methods,
                handler=handler,
                name=endpoint.name,
                policy=endpoint.policy,
                body_limit=self.body_limit,
            )
            for endpoint in endpoints
            for handler in [self._handler(endpoint)]
            for path in endpoint.paths
        ]

    def _handler(self, endpoint: Endpoint) -> Callable[[Request], Response]:
        def handle(request: Request) -> Response:
            token = current_request_id.set(request_id_of(request.headers))
            started = time.perf_counter()
            try:
                response = _completed(self._answered(endpoint, request), request)
                if response.status >= 400:
                    _log(request, response.status, time.perf_counter() - started)
                return response
            finally:
                request.body.close()
                current_request_id.reset(token)

        return handle

    def _answered(self, endpoint: Endpoint, request: Request) -> Response:
        try:
            if request.method == "OPTIONS":
                return _options(endpoint)
            if request.body.overflowed:
                raise BodyTooLargeError(self.body_limit)
            if endpoint.policy in (RoutePolicy.PREDICT, RoutePolicy.STREAM):
                return self._in_slot(endpoint, request)
            return endpoint.answer(request)
        except Exception as error:
            return answer_to(error)

    def _in_slot(self, endpoint: Endpoint, request: Request) -> Response:
        slot = self.slots.take()
        try:
            response = endpoint.answer(request)
        except BaseException:
            slot.release()
            raise
        if isinstance(response.body, bytes):
            slot.release()
            return response
        held = HeldStream(response.body, slot.release)
        return Response(status=response.status, headers=response.headers, body=held)


def _options(endpoint: Endpoint) -> Response:
    allow = ", ".join(sorted(endpoint.methods))
    return bytes_response(b"", "text/plain; charset=utf-8", headers=[("Allow", allow)])


def _completed(response: Response, request: Request) -> Response:
    """With the standard headers, and without a body for HEAD."""
    headers = response.headers.with_defaults(standard_headers(request.headers))
    body = response.body
    if request.method == "HEAD":
        if not isinstance(body, bytes):
            body.close()
        body = b""
    return Response(status=response.status, headers=Headers(headers.multi_items()), body=body)


def _log(request: Request, status: int, seconds: float) -> None:
    _logger.info("%s %s answered %d after %.3f s", request.method, request.path, status, seconds)
