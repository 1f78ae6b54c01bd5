"""A request as a test makes it, the answer it gets, and the kind of function in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeAlias

from drum_core.messages import Headers

__all__ = ["Answer", "BrokenAnswerError", "Call", "Client", "OpenAnswer", "fetch"]


class BrokenAnswerError(Exception):
    """Raised when an answer ends before it is complete, or never begins."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a client sends.

    `target` is the path and the query as they stand on the request line: percent-encoded ASCII.
    A body given as a sequence of chunks is sent without a declared length. A `Content-Length`
    among `headers` is believed: when it is more than the body, the client leaves in mid-body.
    With `stalls` it stays instead, and sends no more. The client also leaves when no answer has
    begun within `patience` seconds.
    """

    method: str
    target: str
    headers: Sequence[tuple[str, str]] = ()
    body: bytes | Sequence[bytes] = b""
    patience: float = 10.0
    stalls: bool = False

    def wire_headers(self) -> list[tuple[str, str]]:
        """The fields as sent: those of `headers`, and what tells where the body ends."""
        if not isinstance(self.body, bytes):
            return [*self.headers, ("Transfer-Encoding", "chunked")]
        if any(name.lower() == "content-length" for name, _ in self.headers):
            return list(self.headers)
        if self.body or self.method in {"POST", "PUT", "PATCH"}:
            return [*self.headers, ("Content-Length", str(len(self.body)))]
        return list(self.headers)

    def fields(self) -> list[tuple[str, str]]:
        """As `wire_headers`, with the `Host` that a client adds where there is none."""
        named = any(name.lower() == "host" for name, _ in self.headers)
        return [*([] if named else [("Host", "127.0.0.1")]), *self.wire_headers()]

    def is_cut(self) -> bool:
        """Whether the client leaves before the length that it declares."""
        if self.stalls:
            return False
        declared = Headers(self.wire_headers()).get("Content-Length", "0")
        return int(declared) > sum(map(len, self.chunks()))

    def chunks(self) -> list[bytes]:
        """The body in pieces of network size, or as given."""
        if not isinstance(self.body, bytes):
            return list(self.body)
        step = 64 * 1024
        return [self.body[at : at + step] for at in range(0, len(self.body), step)]


@dataclass(frozen=True, slots=True)
class OpenAnswer:
    """An answer whose body is still arriving.

    Iterating `chunks` raises `BrokenAnswerError` when the body ends too early.
    """

    status: int
    headers: Headers
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that has arrived whole."""

    status: int
    headers: Headers
    body: bytes

    def json(self) -> dict[str, object]:
        """The body as a JSON object. Raises `AssertionError` showing a body that is none."""
        try:
            content: object = json.loads(self.body)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise AssertionError(f"expected a JSON object, got {self.status} {self.body[:500]!r}")
        return content


Client: TypeAlias = Callable[[Call], AbstractContextManager[OpenAnswer]]
"""Sends a call. Leaving the block before the chunks have ended is a client that goes away.
May be called from several threads at once. Raises `BrokenAnswerError` when no answer comes."""


def fetch(client: Client, call: Call) -> Answer:
    """Sends `call` and waits for the whole answer."""
    with client(call) as answer:
        return Answer(answer.status, answer.headers, b"".join(answer.chunks))
