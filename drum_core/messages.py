"""What goes between a web framework and the core: requests, responses, routes."""

from __future__ import annotations

import enum
import functools
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from typing_extensions import Protocol, override, runtime_checkable

from drum_core.body import Body, BodyRules, BodyWriter

if TYPE_CHECKING:
    from drum_core.security.policy import Security

__all__ = [
    "AsyncByteStream",
    "AsyncHandler",
    "AsyncResponse",
    "Body",
    "BodyRules",
    "BodyWriter",
    "ByteStream",
    "Handler",
    "Headers",
    "MultiMapping",
    "Query",
    "Refuse",
    "Request",
    "Response",
    "Route",
    "RoutePolicy",
]


class MultiMapping(Mapping[str, str]):
    """Text pairs in which a name may occur more than once.

    Indexing gives the *first* value, on every host; `getlist` gives all of them.
    Immutable. Subclasses choose which names are the same by `_key`.
    """

    __slots__ = ("_first", "_pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs: tuple[tuple[str, str], ...] = tuple(pairs)
        self._first: dict[str, tuple[str, str]] = {}
        for name, value in self._pairs:
            self._first.setdefault(self._key(name), (name, value))

    @staticmethod
    def _key(name: str, /) -> str:
        return name

    @override
    def __getitem__(self, name: str, /) -> str:
        return self._first[self._key(name)][1]

    @override
    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._first.values())

    @override
    def __len__(self) -> int:
        return len(self._first)

    @override
    def __contains__(self, name: object, /) -> bool:
        return isinstance(name, str) and self._key(name) in self._first

    @override
    def __eq__(self, other: object, /) -> bool:
        if isinstance(other, MultiMapping):
            return type(self) is type(other) and self._keyed() == other._keyed()
        return NotImplemented

    @override
    def __hash__(self) -> int:
        return hash(self._keyed())

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self._pairs)!r})"

    def _keyed(self) -> tuple[tuple[str, str], ...]:
        return tuple((self._key(name), value) for name, value in self._pairs)

    def getlist(self, name: str, /) -> list[str]:
        """Every value of `name`, in the order of arrival; empty when there is none."""
        key = self._key(name)
        return [value for other, value in self._pairs if self._key(other) == key]

    def multi_items(self) -> Sequence[tuple[str, str]]:
        """Every pair, repeated names included, in the order of arrival."""
        return self._pairs


class Query(MultiMapping):
    """The parameters of a URL, percent-decoded; names are case-sensitive."""

    __slots__ = ()


@functools.lru_cache(maxsize=512)
def _title(name: str) -> str:
    return "-".join(word.capitalize() for word in name.split("-"))


class Headers(MultiMapping):
    """HTTP header fields (RFC 9110, section 5); names are case-insensitive."""

    __slots__ = ()

    @override
    @staticmethod
    def _key(name: str, /) -> str:
        return name.lower()

    @classmethod
    def received(cls, pairs: Iterable[tuple[str, str]]) -> Headers:
        """The header fields of a request, in the one spelling user code sees on every host.

        Names become `Title-Case`, and fields of one name are joined by commas
        (RFC 9110, section 5.3), as WSGI servers do before an application can see them. Names
        with an underscore are left out, as there: they could be taken for the hyphened ones.
        """
        joined: dict[str, str] = {}
        for name, value in pairs:
            if "_" in name:
                continue
            title = _title(name)
            joined[title] = f"{joined[title]},{value}" if title in joined else value
        return cls(joined.items())

    def with_defaults(self, pairs: Iterable[tuple[str, str]]) -> Headers:
        """These fields, and those of `pairs` whose name is not among them."""
        missing = [(name, value) for name, value in pairs if name not in self]
        return Headers([*self._pairs, *missing]) if missing else self


@runtime_checkable
class ByteStream(Protocol):
    """A response body that is made while it is sent.

    A host iterates it once, in one thread, and then calls `close` exactly once, also when
    the client has left or a chunk could not be made. `close` never raises.
    """

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None:
        """Ends the making of chunks and gives back what it held."""
        ...


@runtime_checkable
class AsyncByteStream(Protocol):
    """A response body that is made on an event loop while it is sent.

    A host iterates it once, in the task in which its handler was awaited, and then awaits
    `aclose` exactly once, also when the client has left or a chunk could not be made. `aclose`
    never raises but `CancelledError`.
    """

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None:
        """Ends the making of chunks and gives back what it held."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, whole, as the core sees it on every host.

    `path` is percent-decoded, and includes the prefix under which the route was added; what a
    server or an outer application cut off (`SCRIPT_NAME`, `root_path`) is not in it.

    The body has been read by the host (see `Route.begin_body`) and is closed by the core when
    it has been answered. `disconnected` may be asked at any time, from any thread, whether the
    client has left; a host that cannot know says no.
    """

    method: str
    path: str
    query: Query = field(default_factory=Query)
    headers: Headers = field(default_factory=Headers)
    body: Body = field(default_factory=Body)
    path_params: Mapping[str, str] = field(default_factory=dict)
    disconnected: Callable[[], bool] = field(default=lambda: False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One HTTP response; its status, body, content type and length are always the core's."""

    status: int = 200
    headers: Headers = field(default_factory=Headers)
    body: bytes | ByteStream = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncResponse:
    """As `Response`, with a body that may be made on an event loop."""

    status: int = 200
    headers: Headers = field(default_factory=Headers)
    body: bytes | AsyncByteStream = b""


Handler: TypeAlias = Callable[[Request], Response]
"""Answers a request. Never raises: an error is a `Response` too. May block, so it runs in a
thread, unless the route's policy is `RoutePolicy.PROBE`."""


Refuse: TypeAlias = Callable[[Request], Response | None]
"""The answer to a request that is refused whatever its body; `None` for one that is not."""


AsyncHandler: TypeAlias = Callable[[Request], Awaitable[AsyncResponse] | None]
"""Answers a request on the running event loop, without a thread, or returns `None` when that
request needs one: the host then calls the `Handler` with the same request.

What it returns is awaited in a task of the host's, one for each request, which is cancelled when
the client leaves; it raises nothing but `CancelledError`."""


class RoutePolicy(enum.Enum):
    """What kind of work a route does, for limits, timeouts, authentication and metrics."""

    PROBE = "probe"
    """Cheap and never blocks: may run on an event loop, and never waits for other work."""
    PREDICT = "predict"
    """Runs the model on a whole request; holds one slot until its last byte is sent."""
    STREAM = "stream"
    """As `PREDICT`, with an answer that is sent while it is made."""
    PROXY = "proxy"
    """Waits for another server."""
    MANAGEMENT = "management"
    """Tells about the model or the process; may block for a short while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One URL path and who answers it.

    `path` is literal text that starts with `/`; its end may be `{name:path}`, which matches one
    character or more, the first of them no slash, and is found in `Request.path_params`. No slash
    is added or taken away by a host: both forms are routes where both are meant.

    `methods` are all that the path takes, HEAD and OPTIONS included: a host adds none of its own.
    Routes of one `name` share one handler and one policy.

    `async_handler` is for hosts that run on an event loop, which may ask it first; `handler`
    answers every request as well, so a host may leave it alone.

    `refuse` says, before any of the body is read, with what a request is refused, such as one
    without a token. The handler refuses it too, so a host may leave `refuse` alone. `security` is
    what it goes by; an application of DRUM's own holds whatever else it answers to it as well.
    """

    path: str
    methods: tuple[str, ...]
    handler: Handler
    name: str
    policy: RoutePolicy
    bodies: BodyRules = field(default_factory=BodyRules)
    async_handler: AsyncHandler | None = None
    refuse: Refuse | None = None
    security: Security | None = None

    def begin_body(self, headers: Headers, /) -> BodyWriter:
        """Where the host writes the body of a request to this route, chunk by chunk.

        Keeps what `bodies` allow; takes none when the length that `headers` declare is already
        more, and none of a request that is refused anyway. The host waits for each chunk as long
        as the writer's `patience`, and then tells it to `time_out`. It stops reading when the
        writer has `refused`, and hands over what it has: the core answers 408, 413, 503 or 507, or
        refuses. A body that ends before its declared length is no request: the host answers 400,
        if anybody is there, and never calls the handler.
        """
        declared = headers.get("Content-Length", "")
        size = int(declared) if declared.isascii() and declared.isdigit() else None
        refused = self.security and self.security.refusal(self.policy, headers)
        return BodyWriter(replace(self.bodies, limit=0) if refused else self.bodies, declared=size)
