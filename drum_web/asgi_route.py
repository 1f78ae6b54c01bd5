"""Starlette routes that match exactly the paths and methods they are given."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import cast

from starlette.exceptions import HTTPException
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override

from drum_web.urls import split_tail

__all__ = ["AbsentRoute", "ExactRoute", "route_path"]


def route_path(scope: Scope) -> str:
    """The decoded path, as the application that is asked sees it: without its mount point."""
    path, root = cast(str, scope["path"]), cast(str, scope.get("root_path", ""))
    if root and (path == root or path.startswith(f"{root}/")):
        return path[len(root) :]
    return path


class ExactRoute(Route):
    """A route whose path is compared as text, with no HEAD that was not asked for."""

    def __init__(self, path: str, app: ASGIApp, *, methods: Iterable[str], name: str) -> None:
        self._head, self._tail = split_tail(path)
        exact = set(methods)
        super().__init__(path, app, methods=exact, name=name, include_in_schema=False)
        self.methods: set[str] | None = exact

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http":
            return Match.NONE, {}
        found = self._match(route_path(scope))
        if found is None:
            return Match.NONE, {}
        child: Scope = {
            "endpoint": self.endpoint,
            "path_params": {**scope.get("path_params", {}), **found},
        }
        full = self.methods is None or scope["method"] in self.methods
        return (Match.FULL if full else Match.PARTIAL), child

    def _match(self, path: str) -> dict[str, str] | None:
        if self._tail is None:
            return {} if path == self._head else None
        rest = path.removeprefix(self._head)
        # As werkzeug's path converter: one character or more, the first of them no slash.
        if rest == path or not rest or rest.startswith("/"):
            return None
        return {self._tail: rest}


class AbsentRoute(ExactRoute):
    """Keeps Starlette from redirecting a path, where nothing is, to its other slash form."""

    def __init__(self, path: str) -> None:
        super().__init__(path, _NotFound(), methods=(), name="absent")
        self.methods: set[str] | None = None  # all


class _NotFound:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
