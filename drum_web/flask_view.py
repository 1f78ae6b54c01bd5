"""One Flask view: a request read once and handed to a route, its answer written as it is."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from flask import Response as FlaskResponse
from flask import current_app, request
from werkzeug.exceptions import ClientDisconnected, NotFound

from drum_core.messages import BodyWriter, ByteStream, Headers, Request, Response, Route
from drum_core.serving.answers import error_response, standard_headers
from drum_core.serving.site import Site
from drum_web.slow_bodies import SlowBodies
from drum_web.urls import parse_query

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from flask.typing import ResponseReturnValue, RouteCallable

__all__ = ["GuardedView", "NothingThere", "RouteView", "decoded_path", "path_as_sent", "to_wsgi"]

CHUNK_BYTES: Final = 64 * 1024
TIMER_SECONDS: Final = 0.05
"""By how much the timeout of a socket may be early. werkzeug does not tell that it was one."""

_slow_bodies: Final = SlowBodies()


class NothingThere(NotFound):
    """No route has this path, although Flask has chosen a rule for it."""


class RouteView:
    """Answers the requests of one route."""

    def __init__(self, route: Route) -> None:
        self.route = route

    def __call__(self, **path_params: str) -> FlaskResponse:
        """Reads the body, calls the handler, and turns its response into Flask's."""
        if path_as_sent().startswith("//"):
            raise NothingThere  # werkzeug drops slashes at the front
        received = Headers.received(request.headers.items())
        writer = self.route.begin_body(received)
        refusal = _receive(writer, received, self.route.bodies.limit)
        if refusal is not None:
            writer.close()
            fields = standard_headers(received)
            return to_wsgi(
                Response(
                    status=refusal.status,
                    headers=refusal.headers.with_defaults(fields),
                    body=refusal.body,
                )
            )
        return to_wsgi(
            self.route.handler(
                Request(
                    method=request.method,
                    path=request.path,
                    query=parse_query(request.query_string),
                    headers=received,
                    body=writer.finish(),
                    path_params=path_params,
                    disconnected=_disconnect_probe(),
                )
            )
        )


class GuardedView:
    """A view that an extension adds to somebody's application: it asks for the token as well."""

    def __init__(self, view: RouteCallable, site: Site) -> None:
        self._view = view
        self._site = site

    def __call__(self, **path_params: object) -> ResponseReturnValue:
        """Calls the view, once the request is let in."""
        headers = Headers.received(request.headers.items())
        asked = Request(method=request.method, path=path_as_sent(), headers=headers)
        refused = self._site.answer(asked, lambda: None)
        if refused is not None:
            return to_wsgi(refused)
        answer: ResponseReturnValue = current_app.ensure_sync(self._view)(**path_params)
        return answer


def path_as_sent() -> str:
    """The decoded path of the request, with every slash that the client sent."""
    return decoded_path(request.environ)


def decoded_path(environ: WSGIEnvironment) -> str:
    """The decoded path in an environ."""
    raw: str = environ.get("PATH_INFO", "")
    return raw.encode("latin-1").decode("utf-8", "replace")


def to_wsgi(response: Response) -> FlaskResponse:
    """The same status, header fields and bytes; a stream is closed once by the server."""
    if isinstance(response.body, bytes):
        body: bytes | _Stream = response.body
    else:
        body = _Stream(response.body)
    return _Answer(body, status=response.status, headers=list(response.headers.multi_items()))


def _receive(writer: BodyWriter, received: Headers, limit: int | None) -> Response | None:
    """Writes the body, until it is refused; an answer instead where it cannot be had whole.

    The rest of a body over the limit is left to the server, which drops it or closes the
    connection: WSGI does not let an application say `Connection: close`.
    """
    if writer.refused:
        return None
    if "stream" in request.__dict__:
        return _take_kept(writer, received)
    expected = request.content_length
    if not expected and "chunked" not in received.get("Transfer-Encoding", "").lower():
        return None
    size = 0
    cut = False
    with _slow_bodies.watched(_connection(), writer):
        try:
            for chunk in _chunks(limit):
                size += len(chunk)
                if not writer.write(chunk):
                    break
        except (ClientDisconnected, OSError):
            cut = True
            patience = writer.patience()
            if patience is not None and patience < TIMER_SECONDS:
                writer.time_out()
    if writer.refusal is not None or not (cut or size < (expected or 0)):
        return None
    return error_response(400, "ERROR: the request body ended before it was complete.")


def _take_kept(writer: BodyWriter, received: Headers) -> Response | None:
    """As `_receive`, after an extension or a before_request function has read the body."""
    data = request.get_data()
    expected = request.content_length
    chunked = "chunked" in received.get("Transfer-Encoding", "").lower()
    lost = len(data) < expected if expected is not None else chunked and not data
    if lost:
        return error_response(
            400,
            "ERROR: another part of this application has read the request body, and did not keep "
            "it. Call request.get_data() before request.form, request.files or request.stream.",
        )
    writer.write(data)
    return None


def _chunks(limit: int | None) -> Iterator[bytes]:
    """The body; never waits for more than one byte over the limit, which may not come soon."""
    stream = request.stream
    left = None if limit is None else limit + 1
    while chunk := stream.read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left)):
        yield chunk
        if left is not None:
            left -= len(chunk)


def _disconnect_probe() -> Callable[[], bool]:
    """Whether the client has closed its connection, where the server shows its socket."""
    connection = _connection()
    if isinstance(connection, ssl.SSLSocket):
        return _hung_up(connection)
    if type(connection) is not socket.socket:
        return lambda: False

    def disconnected() -> bool:
        try:
            return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:  # nothing to read: the client is there, and waits
            return False
        except OSError:  # reset; or the request has been answered, and its socket closed
            return True

    return disconnected


def _hung_up(connection: ssl.SSLSocket) -> Callable[[], bool]:
    """As above over TLS, where a peek would show what TLS itself says; only Linux can tell."""
    event: int | None = getattr(select, "POLLRDHUP", None)
    if event is None:
        return lambda: False

    def disconnected() -> bool:
        try:
            poll = select.poll()
            poll.register(connection, event)
            return bool(poll.poll(0))
        except (OSError, ValueError):  # the request has been answered, and its socket closed
            return True

    return disconnected


def _connection() -> socket.socket | None:
    """The socket of the request, where the server shows it."""
    shown: object = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    return shown if isinstance(shown, socket.socket) else None


class _Answer(FlaskResponse):
    """A Flask response that adds nothing to what it is given."""

    default_mimetype: str | None = None
    automatically_set_content_length = False
    autocorrect_location_header = False


class _Stream:
    """Gives a stream to WSGI; closes it once, also when it is dropped before it is sent."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._stream.close()

    def __del__(self) -> None:
        self.close()
