"""`/directAccess/` and `/nim/`: requests that go through to the server behind the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from drum_core.errors import MalformedRequestError
from drum_core.messages import Headers, Request, Response, RoutePolicy
from drum_core.serving.answers import client_left_response
from drum_core.serving.endpoint import Endpoint
from drum_core.serving.lifecycle import Lifecycle
from drum_core.serving.openapi.operation import Answered, Operation
from drum_core.serving.request_id import REQUEST_ID_HEADERS, current_request_id
from drum_core.upstream.connections import UpstreamAnswer
from drum_core.upstream.errors import UpstreamBrokenError, UpstreamError

__all__ = ["ProxyEndpoint", "proxy_endpoint"]

_HOP_BY_HOP: Final = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
"""Of one connection only (RFC 9110, section 7.6.1, and its forerunners)."""

_MADE_ANEW: Final = frozenset({"host", "content-length", "expect"})
_OURS: Final = frozenset(
    {"server", "date", "x-drum-version", *(name.lower() for name in REQUEST_ID_HEADERS)}
)
"""Of an answer, what this server says itself."""

_PATH: Final = "/-._~!$&'()*+,;=:@"
"""What a path may hold as it is (RFC 3986, section 3.3)."""


@dataclass(frozen=True, slots=True)
class ProxyEndpoint:
    """Forwards method, path, query, body and fields, and streams the answer back."""

    lifecycle: Lifecycle

    def answer(self, request: Request) -> Response:
        """The upstream's answer, whatever its status. Raises `UpstreamError`, and
        `MalformedRequestError` where there is no upstream, or the path would leave it."""
        upstream = self.lifecycle.model().upstream
        if upstream is None:
            raise MalformedRequestError(
                "This model has no server behind it, so there is nothing to access directly. "
                "Start drum with --gpu-predictor and --sidecar to have one."
            )
        target = _target(request)
        try:
            answer = upstream.ask(
                request.method,
                target,
                fields=list(_forwarded(request.headers)),
                body=request.body.read(),
                gone=request.disconnected,
            )
        except UpstreamError:
            if request.disconnected():
                return client_left_response()
            raise
        body = _Stream(answer, request.disconnected)
        return Response(status=answer.status, headers=_received(answer), body=body)


class _Stream:
    """The upstream's body as it comes; ends early when nobody wants it."""

    def __init__(self, answer: UpstreamAnswer, gone: Callable[[], bool]) -> None:
        self._answer = answer
        self._gone = gone

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._answer
        except UpstreamBrokenError:
            if not self._gone():
                raise

    def close(self) -> None:
        """Gives the connection back."""
        self._answer.close()


def proxy_endpoint(lifecycle: Lifecycle) -> Endpoint:
    """Both paths; what follows them is the path at the upstream."""
    operation = Operation(
        group="Proxy",
        summary="Ask the server behind the model",
        description="400 where there is none. Redirects are not followed.",
        takes={"*/*": {}},
        body_required=False,
        answers={200: Answered("What it answered, with its status.", {"*/*": {}})},
        errors=(400, 502),
        hook_answers=True,
    )
    return Endpoint(
        name="forward_request",
        paths=("/directAccess/{path:path}", "/nim/{path:path}"),
        answer=ProxyEndpoint(lifecycle).answer,
        policy=RoutePolicy.PROXY,
        also=("POST", "PUT"),
        template="/directAccess/{path}",
        operation=operation,
    )


def _target(request: Request) -> str:
    path = request.path_params["path"]
    parts = path.replace("\\", "/").split("/")
    if any(part in (".", "..") for part in parts):
        raise MalformedRequestError(
            f"The path {path!r} has a segment '.' or '..', which could lead out of where it seems "
            "to. Write the path in full."
        )
    target = "/" + quote(path.strip("/"), safe=_PATH, errors="surrogateescape")
    query = urlencode(request.query.multi_items(), errors="surrogateescape")
    return f"{target}?{query}" if query else target


def _forwarded(headers: Headers) -> Iterator[tuple[str, str]]:
    dropped = _HOP_BY_HOP | _MADE_ANEW | _named(headers.getlist("Connection"))
    dropped |= {name.lower() for name in REQUEST_ID_HEADERS}
    yield from (pair for pair in headers.multi_items() if pair[0].lower() not in dropped)
    yield "X-Request-ID", current_request_id.get()


def _received(answer: UpstreamAnswer) -> Headers:
    connection = [value for name, value in answer.fields if name.lower() == "connection"]
    dropped = _HOP_BY_HOP | _OURS | _named(connection)
    return Headers(
        (name, value)
        for name, value in answer.fields
        if name.lower() not in dropped and not name.lower().startswith("access-control-")
    )


def _named(values: Iterable[str]) -> set[str]:
    """The fields that `Connection` says are of this connection only."""
    return {name.strip().lower() for value in values for name in value.split(",")}
