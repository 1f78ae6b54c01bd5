"""`FastAPIApp`: the runner's routes on a FastAPI, or any Starlette, application."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from fastapi import FastAPI
from fastapi.exception_handlers import http_exception_handler
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from starlette.routing import Match
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose
from typing_extensions import override

from drum_core.messages import Headers, Route
from drum_core.protocols import WebApp
from drum_core.serving.answers import fallback_response, standard_headers
from drum_web.asgi_endpoint import Limiter, RouteEndpoint
from drum_web.asgi_messages import raw_headers, received_headers
from drum_web.asgi_route import AbsentRoute, ExactRoute, route_path
from drum_web.extensions import load_extension
from drum_web.urls import mounted_paths, slash_siblings, split_tail

__all__ = ["FastAPIApp", "Lifespan"]

_logger = logging.getLogger(__name__)

Lifespan: TypeAlias = Callable[[FastAPI], AbstractAsyncContextManager[None]]
"""What `FastAPI(lifespan=…)` takes."""

STANDARD_NAMES: Final = frozenset(name.lower().encode() for name, _ in standard_headers(Headers()))


class FastAPIApp:
    """A `WebApp` on Starlette, of which FastAPI is one; `app` is the native application.

    Without one, it makes and owns a FastAPI, with `lifespan`: then every path without a route,
    every method a path does not take and every unexpected error is answered as the core does on
    each framework, and every response has the standard headers. Of an application of yours, only
    the runner's own routes are touched.
    """

    def __init__(self, app: Starlette | None = None, *, lifespan: Lifespan | None = None) -> None:
        self.app: Starlette = _owned(lifespan) if app is None else app
        self._owns = app is None
        self._limiter = Limiter()

    def server_type(self) -> str:
        """`fastapi`."""
        return "fastapi"

    def add_routes(self, routes: Sequence[Route], /, *, prefix: str = "") -> None:
        """Registers each route as a native one, whose endpoint is an ASGI application.

        Raises `ValueError` when a path is taken, be it by a route that matches every path.
        """
        paths = [(path, route) for route in routes for path in mounted_paths(route, prefix)]
        added: list[ExactRoute] = []
        for path, route in paths:
            split_tail(path)
            for method in route.methods:
                if self._is_taken(path, method, added):
                    raise ValueError(
                        f"The path {path} is taken already; mount under another prefix, or "
                        f"before a route that matches every path."
                    )
            endpoint = RouteEndpoint(route, self._limiter)
            added.append(ExactRoute(path, endpoint, methods=route.methods, name=route.name))
        if self.app.router.redirect_slashes:
            for path in slash_siblings(path for path, _ in paths):
                if not self._is_taken(path, "GET", added):
                    self.app.router.routes.append(AbsentRoute(path))
        self.app.router.routes.extend(added)

    def load_extension(self, code_dir: Path, /) -> Path | None:
        """Runs `init_app(app)` of the folder's `custom_fastapi.py` with the native application."""
        return load_extension(code_dir, "fastapi", self.app)

    def _is_taken(self, path: str, method: str, added: Sequence[ExactRoute]) -> bool:
        scope: Scope = {
            "type": "http",
            "method": method,
            "path": path,
            "root_path": "",
            "headers": [],
        }
        known = [*self.app.router.routes, *added]
        return any(route.matches(scope)[0] is Match.FULL for route in known)


def _owned(lifespan: Lifespan | None) -> FastAPI:
    options: dict[str, Any] = {
        "docs_url": None,
        "redoc_url": None,
        "openapi_url": None,
        "redirect_slashes": False,
        "lifespan": lifespan,
    }
    if "telemetry" in inspect.signature(FastAPI.__init__).parameters:
        options["telemetry"] = {"tracing": False, "metrics": False, "logs": False}
    app = _OwnedFastAPI(**options)
    app.router.default = _nothing_there
    app.add_exception_handler(HTTPStatus.NOT_FOUND, _routing_error)
    app.add_exception_handler(HTTPStatus.METHOD_NOT_ALLOWED, _routing_error)
    app.add_exception_handler(Exception, _unexpected_error)
    return app


class _OwnedFastAPI(FastAPI):
    """An application of our own: standard headers on everything, an error logged once."""

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        started = False

        async def send_standard(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _complete(message, scope)
            await send(message)

        try:
            await super().__call__(scope, receive, send_standard)
        except Exception:
            # What follows closes the connection, so that a cut answer is seen to be one.
            if started and not scope.get("drum.answered"):
                raise
            _logger.exception("%s %s failed", scope["method"], scope["path"])


def _complete(message: Message, scope: Scope) -> None:
    sent = {bytes(name).lower() for name, _ in message.get("headers", ())}
    if sent >= STANDARD_NAMES:
        return
    fields = standard_headers(received_headers(scope))
    missing = [item for item in raw_headers(fields) if item[0].lower() not in sent]
    message["headers"] = [*message.get("headers", ()), *missing]


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


if TYPE_CHECKING:
    _app: type[WebApp] = FastAPIApp
