"""The smallest `WebApp`: routes in a dictionary, no framework, no socket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from drum_core.errors import ExtensionError
from drum_core.messages import Headers, Query, Request, Response, Route
from drum_core.protocols import WebApp
from drum_core.serving.answers import fallback_response
from drum_core.serving.site import Site
from drum_core.testing.exchange import BrokenAnswerError, Call, Client, OpenAnswer

__all__ = ["DictHost"]


class DictHost:
    """A `WebApp` that is a `Client` of itself: what an application answers, without a server.

    The reference for what a host must do, and handy in tests of an application:
    `fetch(host, Call("GET", "/ping/"))`. Handlers and streams run in the calling thread.
    """

    def __init__(self) -> None:
        self._exact: dict[str, Route] = {}
        self._open: dict[str, tuple[str, Route]] = {}
        self._site = Site()

    def server_type(self) -> str:
        """`dict`."""
        return "dict"

    def add_routes(self, routes: Sequence[Route], /, *, prefix: str = "") -> None:
        """Takes the routes. Raises `ValueError` when a path is taken already."""
        self._site.add(routes)
        for route in routes:
            literal, brace, parameter = (prefix + route.path).partition("{")
            if literal in (self._open if brace else self._exact):
                raise ValueError(f"the path {prefix + route.path!r} is taken already")
            if brace:
                self._open[literal] = (parameter.removesuffix(":path}"), route)
            else:
                self._exact[literal] = route
            if prefix and route.path == "/":
                self._exact[prefix] = route

    def load_extension(self, code_dir: Path, /) -> Path | None:
        """Has none; refuses a folder that holds one for a framework."""
        found = sorted(path.name for path in code_dir.glob("custom_f*.py"))
        foreign = [name for name in found if name in {"custom_flask.py", "custom_fastapi.py"}]
        if foreign:
            raise ExtensionError(
                f"{code_dir} extends another framework with {' and '.join(foreign)}, which may "
                "hold the authentication. Serve it on that framework, or remove the file."
            )
        return None

    @contextmanager
    def __call__(self, call: Call) -> Iterator[OpenAnswer]:
        """Answers `call`; leaving the block closes the stream."""
        response = self._respond(call)
        body = response.body
        if isinstance(body, bytes):
            yield OpenAnswer(response.status, response.headers, iter([body]))
            return
        try:
            yield OpenAnswer(response.status, response.headers, _guarded(iter(body)))
        finally:
            body.close()

    def _respond(self, call: Call) -> Response:
        raw_path, _, raw_query = call.target.partition("?")
        path = unquote(raw_path)
        headers = Headers.received(call.fields())
        asked = Request(method=call.method, path=path, headers=headers)
        answer = self._site.answer(asked, lambda: self._found(call.method, path))
        answer = answer or self._routed(call, path, raw_query, headers)
        fields = self._site.completed(answer.headers, headers, secure=False)
        return Response(status=answer.status, headers=fields, body=answer.body)

    def _found(self, method: str, path: str) -> Route | None:
        route, _ = self._match(path)
        return route if route is not None and method in route.methods else None

    def _routed(self, call: Call, path: str, raw_query: str, headers: Headers) -> Response:
        route, params = self._match(path)
        if route is None:
            return fallback_response(404, method=call.method, path=path, received=headers)
        if call.method not in route.methods:
            return fallback_response(
                405, method=call.method, path=path, received=headers, allow=route.methods
            )
        writer = route.begin_body(headers)
        all(writer.write(chunk) for chunk in call.chunks())
        if call.is_cut() and not writer.refused:
            writer.close()
            raise BrokenAnswerError("the client left before the body was complete")
        request = Request(
            method=call.method,
            path=path,
            query=Query(parse_qsl(raw_query, keep_blank_values=True)),
            headers=headers,
            body=writer.finish(),
            path_params=params,
        )
        return route.handler(request)

    def _match(self, path: str) -> tuple[Route | None, Mapping[str, str]]:
        if path in self._exact:
            return self._exact[path], {}
        for literal in sorted(self._open, key=len, reverse=True):
            rest = path.removeprefix(literal) if path.startswith(literal) else ""
            if rest and not rest.startswith("/"):
                name, route = self._open[literal]
                return route, {name: rest}
        return None, {}


def _guarded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except Exception as exc:
        raise BrokenAnswerError(f"the stream raised {exc!r}") from exc


if TYPE_CHECKING:
    _host: type[WebApp] = DictHost
    _client: Client = DictHost()
