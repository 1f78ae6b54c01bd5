"""`FastAPIApp`: the runner's routes on a FastAPI, or any Starlette, application."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Match
from starlette.types import Scope

from drum_core.messages import Route
from drum_core.protocols import WebApp
from drum_core.serving.site import Site
from drum_web.asgi_endpoint import Limiter, RouteEndpoint
from drum_web.asgi_guard import guard_added
from drum_web.asgi_route import AbsentRoute, ExactRoute
from drum_web.extensions import load_extension
from drum_web.owned_fastapi import Lifespan, OwnedFastAPI, owned_fastapi
from drum_web.urls import mounted_paths, slash_siblings, split_tail

__all__ = ["FastAPIApp", "Lifespan"]


class FastAPIApp:
    """A `WebApp` on Starlette, of which FastAPI is one; `app` is the native application.

    Without one, it makes and owns a FastAPI, with `lifespan`: then every path without a route,
    every method a path does not take and every unexpected error is answered as the core does on
    each framework, and every response has the standard headers. Of an application of yours, only
    the runner's own routes are touched, and those that the folder's extension adds: they ask for
    the token, too, where one is set.
    """

    def __init__(self, app: Starlette | None = None, *, lifespan: Lifespan | None = None) -> None:
        self.app: Starlette = owned_fastapi(lifespan) if app is None else app
        self._limiter = Limiter()
        self._site = self.app.site if isinstance(self.app, OwnedFastAPI) else Site()

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
        self._site.add(routes)

    def load_extension(self, code_dir: Path, /) -> Path | None:
        """Runs `init_app(app)` of the folder's `custom_fastapi.py` with the native application."""
        before = list(self.app.router.routes)
        path = load_extension(code_dir, "fastapi", self.app)
        if self._site.screens and not isinstance(self.app, OwnedFastAPI):
            guard_added(self.app.router.routes, before, self._site)
        return path

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


if TYPE_CHECKING:
    _app: type[WebApp] = FastAPIApp
