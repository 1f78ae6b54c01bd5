"""The Flask application that DRUM makes for itself: its errors, its headers, its door."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from flask import Flask, request
from typing_extensions import override
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as WSGIResponse

from drum_core.messages import Headers, Request, Route
from drum_core.security.proxies import FORWARDED_HEADERS, TrustedProxies
from drum_core.serving.answers import fallback_response, standard_headers
from drum_core.serving.site import Site
from drum_web.flask_view import NothingThere, RouteView, decoded_path, path_as_sent, to_wsgi

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["OwnedFlask"]

STANDARD_NAMES: Final = frozenset(name.lower() for name, _ in standard_headers(Headers()))

_FORWARDED: Final = frozenset(
    f"HTTP_{name.upper().replace('-', '_')}" for name in FORWARDED_HEADERS
)


class OwnedFlask(Flask):
    """An application of our own: a door in front of all, no static files, headers on everything."""

    def __init__(self) -> None:
        super().__init__("drum", static_folder=None, template_folder=None)
        self.site: Site = Site()
        self.url_map.merge_slashes = False
        self.register_error_handler(HTTPException, _routing_error)
        self.register_error_handler(InternalServerError, _unexpected_error)

    @override
    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers, outside of everything that an extension may have wrapped `wsgi_app` in."""
        if self.site.proxies is not None:
            _believe(environ, self.site.proxies)
        received = _received(environ) if self.site.screens or self.site.adds else None

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /
        ) -> Callable[[bytes], object]:
            names = {name.lower() for name, _ in headers}
            if not names >= STANDARD_NAMES:
                sent = Headers([("X-Request-ID", environ.get("HTTP_X_REQUEST_ID", ""))])
                fields = standard_headers(sent)
                headers = [*headers, *(item for item in fields if item[0].lower() not in names)]
            if received is not None and self.site.adds:
                secure = environ["wsgi.url_scheme"] == "https"
                answer = self.site.completed(Headers(headers), received, secure=secure)
                headers = list(answer.multi_items())
            return start_response(status, headers, exc_info)

        refusal = None if received is None else self._refusal(environ, received)
        return (self.wsgi_app if refusal is None else refusal)(environ, start)

    def _refusal(self, environ: WSGIEnvironment, received: Headers) -> WSGIResponse | None:
        """The answer to what is not let in, past everything that an extension may have added."""
        method, path = environ["REQUEST_METHOD"], decoded_path(environ)
        asked = Request(method=method, path=path, headers=received)
        answer = self.site.answer(asked, lambda: self._route(environ))
        return None if answer is None else to_wsgi(answer)

    def _route(self, environ: WSGIEnvironment) -> Route | None:
        """The route of ours that Flask chooses, if it is one."""
        urls = self.url_map.bind("drum", script_name=environ.get("SCRIPT_NAME", ""))
        path, method = decoded_path(environ), environ["REQUEST_METHOD"]
        try:
            rule, _ = urls.match(path, method, return_rule=True)
        except (HTTPException, RequestRedirect):
            return None
        view = self.view_functions.get(rule.endpoint)
        return view.route if isinstance(view, RouteView) else None


def _received(environ: WSGIEnvironment) -> Headers:
    """The header fields of a request, as far as the door needs them: those in HTTP_ variables."""
    return Headers.received(
        (key[5:].replace("_", "-"), value)
        for key, value in environ.items()
        if key.startswith("HTTP_")
    )


def _believe(environ: WSGIEnvironment, proxies: TrustedProxies) -> None:
    """Client and scheme as a listed proxy tells them; anybody else's word is cut."""
    peer: str = environ.get("REMOTE_ADDR", "")
    if peer not in proxies:
        for key in _FORWARDED.intersection(environ):
            del environ[key]
        return
    forwarded: str = environ.get("HTTP_X_FORWARDED_FOR", "")
    if forwarded and (client := proxies.client(forwarded, peer)) != peer:
        environ["REMOTE_ADDR"] = client
        environ["REMOTE_PORT"] = "0"
    scheme: str = environ.get("HTTP_X_FORWARDED_PROTO", "")
    environ["wsgi.url_scheme"] = proxies.scheme(scheme, environ["wsgi.url_scheme"])


def _routing_error(error: HTTPException) -> WSGIResponse | HTTPException:
    """The core's 404 and 405; what an extension raises stays as it is."""
    code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    unrouted = error is request.routing_exception and code >= HTTPStatus.BAD_REQUEST
    if not unrouted and not isinstance(error, NothingThere):
        return error
    allow = error.valid_methods or () if isinstance(error, MethodNotAllowed) else ()
    return _fallback(code, allow)


def _unexpected_error(error: InternalServerError) -> WSGIResponse | HTTPException:
    return error if error.original_exception is None else _fallback(500)


def _fallback(status: int, allow: Iterable[str] = ()) -> WSGIResponse:
    received = Headers.received(request.headers.items())
    method, path = request.method, path_as_sent()
    return to_wsgi(
        fallback_response(status, method=method, path=path, received=received, allow=allow)
    )
