"""Response bodies that are made while they are sent, and keep a record of how they were used."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar

__all__ = ["AsyncSuiteStream", "Gates", "SuiteStream", "spoken_for"]

GATE_SECONDS = 3.0
"""How long anything here waits for the test's next step; a host that holds chunks back is late."""

spoken_for: ContextVar[str] = ContextVar("drum_suite_spoken_for", default="nobody")
"""Set by the handler, asked by the stream: it must be there still."""


class Gates:
    """Named events, made when first named."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: dict[str, threading.Event] = {}

    def named(self, name: str) -> threading.Event:
        """The one event of that name."""
        with self._lock:
            return self._events.setdefault(name, threading.Event())


class SuiteStream:
    """A stream of one `kind`; `record` tells what happened to it.

    `counted` has five chunks, one of them empty; `empty` has none; `gated` waits for its gate
    after the first; `failing` raises after the first, `stillborn` before it; `endless` goes on
    for ten seconds; `where` tells thread and context with each chunk.
    """

    def __init__(self, kind: str, gate: threading.Event) -> None:
        self._gate = gate
        self._made_in = threading.get_ident()
        self._threads: set[int] = {self._made_in}
        self._lock = threading.Lock()
        self._closed = 0
        self._iterated = 0
        self._chunks: Iterator[bytes] = getattr(self, f"_{kind}")()

    def record(self) -> dict[str, object]:
        """How often it was iterated and closed, and in how many threads."""
        return {"iterated": self._iterated, "closed": self._closed, "threads": len(self._threads)}

    def __iter__(self) -> Iterator[bytes]:
        self._iterated += 1
        for chunk in self._chunks:
            self._threads.add(threading.get_ident())
            yield chunk

    def close(self) -> None:
        """Counts."""
        with self._lock:
            self._closed += 1

    def _counted(self) -> Iterator[bytes]:
        yield from (b"one,", b"two,", b"", b"\x00\xff,", b"end")

    def _gated(self) -> Iterator[bytes]:
        yield b"first,"
        yield b"released" if self._gate.wait(GATE_SECONDS) else b"too late"

    def _failing(self) -> Iterator[bytes]:
        yield b"first,"
        raise RuntimeError("a chunk could not be made, on purpose")

    def _stillborn(self) -> Iterator[bytes]:
        if not self._gate.is_set():
            raise RuntimeError("the first chunk could not be made, on purpose")
        yield b""

    def _empty(self) -> Iterator[bytes]:
        yield from ()

    def _endless(self) -> Iterator[bytes]:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            yield b"x" * 1024
            time.sleep(0.02)

    def _where(self) -> Iterator[bytes]:
        for _ in range(4):
            same = threading.get_ident() == self._made_in
            yield f"{spoken_for.get()} {'here' if same else 'elsewhere'}\n".encode()
            time.sleep(0.01)


class AsyncSuiteStream:
    """As `SuiteStream`, on an event loop: `counted`, `failing`, `endless`, `stuck` and `where`.

    `stuck` waits for ten seconds after its first chunk; its end takes a moment, awaited.
    """

    def __init__(self, kind: str) -> None:
        self._made_in = asyncio.current_task()
        self._tasks = {self._made_in}
        self._closed = 0
        self._iterated = 0
        self._ended = kind != "stuck"
        self._chunks: AsyncIterator[bytes] = getattr(self, f"_{kind}")()

    def record(self) -> dict[str, object]:
        """How often it was iterated and closed, in how many tasks, and whether it could end."""
        return {
            "iterated": self._iterated,
            "closed": self._closed,
            "threads": len(self._tasks),
            "ended": self._ended,
        }

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._iterated += 1
        async for chunk in self._chunks:
            self._tasks.add(asyncio.current_task())
            yield chunk

    async def aclose(self) -> None:
        """Counts."""
        self._tasks.add(asyncio.current_task())
        self._closed += 1

    async def _counted(self) -> AsyncIterator[bytes]:
        for chunk in (b"one,", b"two,", b"", b"\x00\xff,", b"end"):
            await asyncio.sleep(0)
            yield chunk

    async def _failing(self) -> AsyncIterator[bytes]:
        yield b"first,"
        raise RuntimeError("a chunk could not be made, on purpose")

    async def _endless(self) -> AsyncIterator[bytes]:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            yield b"x" * 1024
            await asyncio.sleep(0.02)

    async def _stuck(self) -> AsyncIterator[bytes]:
        yield b"first,"
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(0.01)
            self._ended = True

    async def _where(self) -> AsyncIterator[bytes]:
        for _ in range(4):
            same = asyncio.current_task() is self._made_in
            yield f"{spoken_for.get()} {'here' if same else 'elsewhere'}\n".encode()
            await asyncio.sleep(0.01)
