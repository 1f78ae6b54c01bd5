"""`BottleApp`: the runner's routes on a Bottle application."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import bottle  # type: ignore[import-untyped]  # it publishes no types

from drum_core.errors import ExtensionError
from drum_core.messages import Body, ByteStream, Headers, Query, Request, Response, Route
from drum_core.protocols import WebApp
from drum_core.serving.answers import fallback_response


class BottleApp:
    """A `WebApp` on Bottle. Without an `app` it makes one, whose errors are the core's."""

    def __init__(self, app: bottle.Bottle | None = None) -> None:
        self.app = bottle.Bottle() if app is None else app
        if app is None:
            self.app.error(404, lambda error: _refusal(404))
            self.app.error(500, lambda error: _refusal(500))

    def server_type(self) -> str:
        """`bottle`."""
        return "bottle"

    def add_routes(self, routes: Sequence[Route], /, *, prefix: str = "") -> None:
        """Registers each route as a rule of Bottle's own."""
        for route in routes:
            bare = [prefix] if prefix and route.path == "/" else []
            for path in [prefix + route.path, *bare]:
                rule = re.sub(r"\{(\w+):path\}$", r"<\1:re:[^/].*>", path)
                if any(known.rule == rule for known in self.app.routes):
                    raise ValueError(f"the path {path!r} is taken already")
                # ANY, because Bottle would answer HEAD with the rule for GET
                self.app.route(rule, method="ANY", callback=_View(route))

    def load_extension(self, code_dir: Path, /) -> Path | None:
        """Has none of its own; refuses what is meant for another framework."""
        for name in ("custom_flask.py", "custom_fastapi.py"):
            if (code_dir / name).exists():
                raise ExtensionError(f"{code_dir / name} is not for Bottle; remove it.")
        return None


class _View:
    """What Bottle calls for one route."""

    def __init__(self, route: Route) -> None:
        self._route = route

    def __call__(self, **path_params: str) -> bottle.HTTPResponse:
        if bottle.request.method not in self._route.methods:
            return _refusal(405, self._route.methods)
        return _native(self._route.handler(_request(self._route, path_params)))


def _request(route: Route, path_params: Mapping[str, str]) -> Request:
    headers = _headers()
    return Request(
        method=bottle.request.method,
        path=bottle.request.environ["PATH_INFO"],
        query=Query(parse_qsl(bottle.request.query_string, keep_blank_values=True)),
        headers=headers,
        body=_body(route, headers),
        path_params=path_params,
    )


def _headers() -> Headers:
    sent = bottle.request.headers  # raw, for it would decode them as UTF-8
    return Headers.received((name, sent.raw(name)) for name in sent if sent.raw(name))


def _body(route: Route, headers: Headers) -> Body:
    source = bottle.request.environ["wsgi.input"]
    chunked = bottle.request.environ.get("wsgi.input_terminated", False)
    left = int(headers.get("Content-Length", "0"))
    writer = route.begin_body(headers)
    while not writer.refused and (chunked or left > 0):
        chunk = source.read(65536 if chunked else min(left, 65536))
        if not chunk:
            break
        writer.write(chunk)
        left -= len(chunk)
    if left > 0 and not writer.refused:
        writer.close()
        raise _refusal(400)  # the client left in mid-body
    return writer.finish()


def _native(response: Response) -> bottle.HTTPResponse:
    body = response.body if isinstance(response.body, bytes) else _Stream(response.body)
    answer = bottle.HTTPResponse(body, response.status)
    fields = answer.headers.dict  # add_header() would respell the names
    fields["Content-Type"] = []  # or Bottle makes one up
    for name, value in response.headers.multi_items():
        fields.setdefault(name, []).append(value)
    return answer


class _Stream:
    """An iterator over a stream that closes it once, whatever Bottle does with it."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._chunks = iter(stream)
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._chunks)
        except BaseException:  # the end too: Bottle forgets a stream that ends at once
            self.close()
            raise

    def close(self) -> None:
        """Called by the server, and at the end."""
        if not self._closed:
            self._closed = True
            self._stream.close()


def _refusal(status: int, allow: Sequence[str] = ()) -> bottle.HTTPResponse:
    path = bottle.request.environ["PATH_INFO"]
    method = bottle.request.method
    return _native(
        fallback_response(status, method=method, path=path, received=_headers(), allow=allow)
    )


if TYPE_CHECKING:
    _app: type[WebApp] = BottleApp
