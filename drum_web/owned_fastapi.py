"""The FastAPI application that DRUM makes for itself: its errors, its headers, its door."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from fastapi import FastAPI
from fastapi.exception_handlers import http_exception_handler
from starlette.exceptions import HTTPException
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from starlette.routing import Match
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose
from typing_extensions import override

from drum_core.messages import Headers, Request, Route
from drum_core.serving.answers import fallback_response, standard_headers
from drum_core.serving.site import Site
from drum_web.asgi_endpoint import RouteEndpoint, refusing
from drum_web.asgi_messages import (
    believed,
    raw_headers,
    received_headers,
    send_whole,
)
from drum_web.asgi_route import ExactRoute, route_path

__all__ = ["Lifespan", "OwnedFastAPI", "owned_fastapi"]

_logger = logging.getLogger(__name__)

Lifespan: TypeAlias = Callable[[FastAPI], AbstractAsyncContextManager[None]]
"""What `FastAPI(lifespan=…)` takes."""

STANDARD_NAMES: Final = frozenset(name.lower().encode() for name, _ in standard_headers(Headers()))


def owned_fastapi(lifespan: Lifespan | None) -> OwnedFastAPI:
    """An application with nothing on it yet."""
    options: dict[str, Any] = {
        "docs_url": None,
        "redoc_url": None,
        "openapi_url": None,
        "redirect_slashes": False,
        "lifespan": lifespan,
    }
    if "telemetry" in inspect.signature(FastAPI.__init__).parameters:
        options["telemetry"] = {"tracing": False, "metrics": False, "logs": False}
    app = OwnedFastAPI(**options)
    app.site = Site()
    app.router.default = _nothing_there
    app.add_exception_handler(HTTPStatus.NOT_FOUND, _routing_error)
    app.add_exception_handler(HTTPStatus.METHOD_NOT_ALLOWED, _routing_error)
    app.add_exception_handler(Exception, _unexpected_error)
    return app


class OwnedFastAPI(FastAPI):
    """An application of our own: a door in front of all, standard headers, errors logged once."""

    site: Site

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await super().__call__(scope, receive, send)
            return
        if self.site.proxies is not None:
            scope = believed(scope, self.site.proxies)
        if scope["type"] == "websocket":
            if self.site.refusal(received_headers(scope)) is not None:
                await WebSocketClose()(scope, receive, send)
                return
            await super().__call__(scope, receive, send)
            return
        await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False
        received = received_headers(scope) if self.site.screens or self.site.adds else None

        async def send_standard(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._complete(message, scope, received)
            await send(message)

        if received is not None and await self._refuse(scope, received, receive, send_standard):
            return
        try:
            await super().__call__(scope, receive, send_standard)
        except Exception:
            # What follows closes the connection, so that a cut answer is seen to be one.
            if started and not scope.get("drum.answered"):
                raise
            _logger.exception("%s %s failed", scope["method"], scope["path"])

    async def _refuse(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> bool:
        """Answers what is not let in, past everything that an extension may have added."""
        request = Request(method=scope["method"], path=route_path(scope), headers=headers)
        answer = self.site.answer(request, lambda: self._route(scope))
        if answer is None:
            return False
        if "Transfer-Encoding" in headers or headers.get("Content-Length", "0") != "0":
            send = refusing(send, receive, linger="Expect" not in headers)
        await send_whole(send, answer)
        return True

    def _route(self, scope: Scope) -> Route | None:
        """The route of ours that Starlette chooses, if it is one."""
        for route in self.router.routes:
            if route.matches(scope)[0] is Match.FULL:
                found = route.endpoint if isinstance(route, ExactRoute) else None
                return found.route if isinstance(found, RouteEndpoint) else None
        return None

    def _complete(self, message: Message, scope: Scope, received: Headers | None) -> None:
        pairs = message.get("headers", ())
        sent = {bytes(name).lower() for name, _ in pairs}
        if not sent >= STANDARD_NAMES:
            fields = raw_headers(standard_headers(received_headers(scope)))
            pairs = [*pairs, *(item for item in fields if item[0].lower() not in sent)]
        if received is not None and self.site.adds:
            answer = Headers((k.decode("latin-1"), v.decode("latin-1")) for k, v in pairs)
            secure = scope.get("scheme") == "https"
            pairs = raw_headers(self.site.completed(answer, received, secure=secure).multi_items())
        message["headers"] = pairs


class _NothingThere(HTTPException):
    """No route has this path; a 404 that an extension raises is another."""


async def _nothing_there(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await WebSocketClose()(scope, receive, send)
    else:
        raise _NothingThere(HTTPStatus.NOT_FOUND)


async def _routing_error(request: StarletteRequest, error: Exception) -> StarletteResponse:
    """The core's 404 and 405; what an extension raises stays as it is."""
    if not isinstance(error, HTTPException):
        raise error
    scope = request.scope
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and "Allow" in (error.headers or {}):
        return _Fallback(scope, HTTPStatus.METHOD_NOT_ALLOWED, _allowed(scope))
    if isinstance(error, _NothingThere):
        return _Fallback(scope, HTTPStatus.NOT_FOUND)
    return await http_exception_handler(request, error)


async def _unexpected_error(request: StarletteRequest, error: Exception) -> StarletteResponse:
    request.scope["drum.answered"] = True
    return _Fallback(request.scope, HTTPStatus.INTERNAL_SERVER_ERROR)


def _allowed(scope: Scope) -> set[str]:
    """The methods of every route at the path, since Starlette names those of the first only."""
    methods: set[str] = set()
    for route in scope["app"].router.routes:
        if route.matches(scope)[0] is not Match.NONE:
            methods.update(getattr(route, "methods", None) or ())
    return methods


class _Fallback(StarletteResponse):
    """The core's answer where no route has one."""

    def __init__(self, scope: Scope, status: int, allow: Sequence[str] | set[str] = ()) -> None:
        answer = fallback_response(
            status,
            method=scope["method"],
            path=route_path(scope),
            received=received_headers(scope),
            allow=allow,
        )
        body = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
        super().__init__(content=body, status_code=answer.status)
        self.raw_headers = raw_headers(answer.headers.multi_items())
