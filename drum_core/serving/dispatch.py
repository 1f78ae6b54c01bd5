"""What is done around every answer: request id, slot, errors, HEAD, OPTIONS, headers, log."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from drum_core.errors import BodyTooLargeError, HookFailedError
from drum_core.messages import (
    AsyncHandler,
    AsyncResponse,
    Headers,
    Refuse,
    Request,
    Response,
    Route,
    RoutePolicy,
)
from drum_core.process_end import is_interrupt
from drum_core.security.policy import Security
from drum_core.serving.admission import AsyncJobs, Slots
from drum_core.serving.answers import bytes_response, client_left_response, standard_headers
from drum_core.serving.errors import answer_to
from drum_core.serving.request_id import current_request_id, request_id_of
from drum_core.serving.streaming import AsyncHeldStream, HeldStream

__all__ = ["Answer", "AsyncAnswer", "Dispatcher", "Endpoint"]

_logger = logging.getLogger(__name__)

Answer: TypeAlias = Callable[[Request], Response]
"""Like a `Handler`, but it may raise."""

AsyncAnswer: TypeAlias = Callable[[Request], Awaitable[AsyncResponse]]
"""Like what an `AsyncHandler` returns, but it may raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One thing the server can do, and the paths at which it does it.

    `async_answer` is used instead of `answer`, without a thread, whenever `on_loop` says so, on
    the running loop. `concurrent` says that answers may be made at the same time as any other, so
    that they need no slot. `error_answer` makes a response of what either raises.
    """

    name: str
    paths: tuple[str, ...]
    answer: Answer
    policy: RoutePolicy
    method: str = "GET"
    async_answer: AsyncAnswer | None = None
    on_loop: Callable[[], bool] = field(default=lambda: False)
    concurrent: Callable[[], bool] = field(default=lambda: False)
    error_answer: Callable[[Exception], Response] = answer_to

    @property
    def methods(self) -> tuple[str, ...]:
        """All methods of its paths: HEAD where GET is, and OPTIONS."""
        return ("GET", "HEAD", "OPTIONS") if self.method == "GET" else (self.method, "OPTIONS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """Makes routes of endpoints, whose handlers never raise."""

    slots: Slots
    body_limit: int
    security: Security = field(default_factory=Security)
    jobs: AsyncJobs = field(default_factory=AsyncJobs)

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
                async_handler=async_handler,
                refuse=refuse,
                security=self.security,
            )
            for endpoint in endpoints
            for handler in [self._handler(endpoint)]
            for refuse in [self._refuse(endpoint)]
            for async_handler in [self._async_handler(endpoint)]
            for path in endpoint.paths
        ]

    def _handler(self, endpoint: Endpoint) -> Callable[[Request], Response]:
        def handle(request: Request) -> Response:
            token = current_request_id.set(request_id_of(request.headers))
            started = time.perf_counter()
            try:
                answered = self._answered(endpoint, request)
                body = answered.body
                if request.method == "HEAD":
                    if not isinstance(body, bytes):
                        body.close()
                    body = b""
                headers = self._completed(answered.headers, request)
                response = Response(status=answered.status, headers=headers, body=body)
                if response.status >= 400:
                    _log(request, response.status, time.perf_counter() - started)
                return response
            finally:
                request.body.close()
                current_request_id.reset(token)

        return handle

    def _answered(self, endpoint: Endpoint, request: Request) -> Response:
        try:
            if refused := self._refused(endpoint, request):
                return refused
            if request.method == "OPTIONS":
                return _options(endpoint)
            if request.body.overflowed:
                raise BodyTooLargeError(self.body_limit)
            request = self.security.without_token(request)
            runs_model = endpoint.policy in (RoutePolicy.PREDICT, RoutePolicy.STREAM)
            if runs_model and not endpoint.concurrent():
                return self._in_slot(endpoint, request)
            return _held(endpoint.answer(request), lambda: None)
        except Exception as error:
            return endpoint.error_answer(error)
        except BaseException as error:  # of a model's own code, in the thread of a request
            if is_interrupt(error):
                raise
            return endpoint.error_answer(HookFailedError("The model", error))

    def _refuse(self, endpoint: Endpoint) -> Refuse:
        def refuse(request: Request) -> Response | None:
            token = current_request_id.set(request_id_of(request.headers))
            try:
                answered = self._refused(endpoint, request)
                if answered is None:
                    return None
                headers = self._completed(answered.headers, request)
                if answered.status >= 400:
                    _log(request, answered.status, 0.0)
                body = b"" if request.method == "HEAD" else answered.body
                return Response(status=answered.status, headers=headers, body=body)
            finally:
                current_request_id.reset(token)

        return refuse

    def _refused(self, endpoint: Endpoint, request: Request) -> Response | None:
        """The answer to a preflight, or to a request that is not let in."""
        preflight = self.security.preflight(request.method, request.headers)
        if preflight is not None:
            return preflight
        error = self.security.refusal(endpoint.policy, request.headers)
        return None if error is None else endpoint.error_answer(error)

    def _completed(self, headers: Headers, request: Request) -> Headers:
        """With the standard headers, and those for pages of other origins."""
        headers = headers.with_defaults(standard_headers(request.headers))
        return self.security.completed(headers, request.headers)

    def _in_slot(self, endpoint: Endpoint, request: Request) -> Response:
        slot = self.slots.take()
        try:
            if request.disconnected():  # while it waited: the model works for those who are here
                slot.release()
                return client_left_response()
            response = endpoint.answer(request)
        except BaseException:
            slot.release()
            raise
        return _held(response, slot.release)

    def _async_handler(self, endpoint: Endpoint) -> AsyncHandler | None:
        if endpoint.async_answer is None:
            return None

        def handle(request: Request) -> Awaitable[AsyncResponse] | None:
            plain = request.method == "OPTIONS" or request.body.overflowed
            if plain or self.security.refusal(endpoint.policy, request.headers) is not None:
                return None
            if "Content-Encoding" in request.headers or not endpoint.on_loop():
                return None
            return self._settled(endpoint, self.security.without_token(request))

        return handle

    async def _settled(self, endpoint: Endpoint, request: Request) -> AsyncResponse:
        current_request_id.set(request_id_of(request.headers))  # the task is the request's own
        started = time.perf_counter()
        try:
            answered = await self._awaited(endpoint, request)
            headers = self._completed(answered.headers, request)
            if answered.status >= 400:
                _log(request, answered.status, time.perf_counter() - started)
            return AsyncResponse(status=answered.status, headers=headers, body=answered.body)
        finally:
            request.body.close()

    async def _awaited(self, endpoint: Endpoint, request: Request) -> AsyncResponse:
        assert endpoint.async_answer is not None
        try:
            self.jobs.take()
            try:
                response = await endpoint.async_answer(request)
            except BaseException:
                self.jobs.release()
                raise
        except Exception as error:
            refused = endpoint.error_answer(error)
            assert isinstance(refused.body, bytes)
            return AsyncResponse(status=refused.status, headers=refused.headers, body=refused.body)
        if isinstance(response.body, bytes):
            self.jobs.release()
            return response
        held = AsyncHeldStream(response.body, self.jobs.release)
        return AsyncResponse(status=response.status, headers=response.headers, body=held)


def _held(response: Response, release: Callable[[], None]) -> Response:
    """Calls `release` when the last of the response has been sent, or now if it is whole."""
    if isinstance(response.body, bytes):
        release()
        return response
    held = HeldStream(response.body, release)
    return Response(status=response.status, headers=response.headers, body=held)


def _options(endpoint: Endpoint) -> Response:
    allow = ", ".join(sorted(endpoint.methods))
    return bytes_response(b"", "text/plain; charset=utf-8", headers=[("Allow", allow)])


def _log(request: Request, status: int, seconds: float) -> None:
    _logger.info("%s %s answered %d after %.3f s", request.method, request.path, status, seconds)
