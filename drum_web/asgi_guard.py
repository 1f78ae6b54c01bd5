"""Routes that an extension adds to somebody's application: they ask for the token as well."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose
from typing_extensions import override

from drum_core.messages import Request
from drum_core.serving.site import Site
from drum_web.asgi_messages import received_headers, send_whole
from drum_web.asgi_route import route_path

__all__ = ["GuardedRoute", "guard_added"]


def guard_added(routes: list[BaseRoute], known: Iterable[BaseRoute], site: Site) -> None:
    """Guards, in place, those of `routes` that are not among the `known`."""
    before = set(map(id, known))
    routes[:] = [route if id(route) in before else GuardedRoute(route, site) for route in routes]


class GuardedRoute(BaseRoute):
    """A route that is answered by another, once the request is let in."""

    def __init__(self, route: BaseRoute, site: Site) -> None:
        self._route = route
        self._site = site

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return self._route.matches(scope)

    @override
    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        return self._route.url_path_for(name, **path_params)

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = received_headers(scope)
        if scope["type"] == "websocket":
            if self._site.refusal(headers) is None:
                await self._route.handle(scope, receive, send)
            else:
                await WebSocketClose()(scope, receive, send)
            return
        request = Request(method=scope["method"], path=route_path(scope), headers=headers)
        refused = self._site.answer(request, lambda: None)
        if refused is None:
            await self._route.handle(scope, receive, send)
        else:
            await send_whole(send, refused)
