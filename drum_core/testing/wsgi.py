"""A client for a WSGI application in this process: what a server does, without a socket."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote_to_bytes
from wsgiref.validate import validator

from drum_core.messages import Headers
from drum_core.testing.exchange import BrokenAnswerError, Call, OpenAnswer

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["WsgiClient"]

_NO_TYPE = ("Content-Type", "x-testing/none")
_Fields: TypeAlias = list[tuple[str, str]]
_ExcInfo: TypeAlias = (
    "tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None"
)


class WsgiClient:
    """Calls `app` in the calling thread, chunk by chunk, and checks it with `wsgiref.validate`.

    Raises `AssertionError` where the application breaks the WSGI rules.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = validator(_typed(app))

    @contextmanager
    def __call__(self, call: Call) -> Iterator[OpenAnswer]:
        """Sends `call`; leaving the block closes the answer, as a server does."""
        started: list[tuple[int, Headers]] = []

        def start_response(
            status: str, fields: _Fields, exc_info: _ExcInfo = None, /
        ) -> Callable[[bytes], object]:
            kept = [pair for pair in fields if pair != _NO_TYPE]
            started[:] = [(int(status.split(" ")[0]), Headers(kept))]
            return _no_write

        with _broken_when_raised():
            body = self._app(_environ(call), start_response)
        chunks = _guarded(body)
        try:
            first = [] if started else [next(chunks, b"")]
            if not started:
                raise BrokenAnswerError("the application did not call start_response")
            status, headers = started[0]
            yield OpenAnswer(status, headers, _joined(first, chunks))
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()


def _guarded(body: Iterable[bytes]) -> Iterator[bytes]:
    with _broken_when_raised():
        yield from body


@contextmanager
def _broken_when_raised() -> Iterator[None]:
    try:
        yield
    except AssertionError:
        raise  # of the validator, or of a test: not a matter of the connection
    except Exception as exc:
        raise BrokenAnswerError(f"the application raised {exc!r}") from exc


def _joined(first: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    yield from first
    yield from rest


def _no_write(data: bytes, /) -> object:
    raise AssertionError("the application used the write() of start_response, which cannot stream")


def _typed(app: WSGIApplication) -> WSGIApplication:
    """`app`, with a content type to satisfy the validator, which takes one for mandatory."""

    def typed(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(
            status: str, fields: _Fields, exc_info: _ExcInfo = None, /
        ) -> Callable[[bytes], object]:
            names = {name.lower() for name, _ in fields}
            if "content-type" not in names and status[:3] not in {"204", "304"}:
                fields = [*fields, _NO_TYPE]
            return start_response(status, fields, exc_info)

        return app(environ, start)

    return typed


def _environ(call: Call) -> WSGIEnvironment:
    path, _, query = call.target.partition("?")
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": call.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(b"".join(call.chunks())),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if not isinstance(call.body, bytes):
        environ["wsgi.input_terminated"] = True  # said by gunicorn and werkzeug alike
    for name, value in call.fields():
        if "_" in name:
            continue  # servers drop these: in the environ they would pass for the hyphened name
        key = name.upper().replace("-", "_")
        if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            key = f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ
