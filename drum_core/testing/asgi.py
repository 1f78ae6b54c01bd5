"""A client for an ASGI application in this process: what a server does, without a socket."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TypeAlias
from urllib.parse import unquote

from typing_extensions import Self

from drum_core.messages import Headers
from drum_core.testing.exchange import BrokenAnswerError, Call, OpenAnswer

__all__ = ["AsgiApp", "AsgiClient"]

_Message: TypeAlias = MutableMapping[str, object]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[_Message, _Receive, _Send], Awaitable[None]]
"""An application of the ASGI specification, version 3."""

_WAIT_SECONDS = 10.0


class AsgiClient:
    """Runs `app` on an event loop in a thread, with its lifespan, and passes chunks as they come.

    Use it in a `with` block. As under uvicorn, what is sent after the client has left is dropped
    silently: an application notices by `http.disconnect` alone.
    """

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="asgi", daemon=True)
        self._lifespan = _Lifespan()

    def __enter__(self) -> Self:
        self._thread.start()
        self._spawn(self._lifespan.run(self._app))
        try:
            self._lifespan.wait("startup")
        except BrokenAnswerError:
            self._end_loop()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._loop.call_soon_threadsafe(self._lifespan.ending.set)
            self._lifespan.wait("shutdown")
        finally:
            self._end_loop()

    @contextmanager
    def __call__(self, call: Call) -> Iterator[OpenAnswer]:
        """Sends `call`; leaving the block says `http.disconnect` and waits for the end."""
        exchange = _Exchange(call)
        ended = self._spawn(exchange.run(self._app))
        try:
            status, headers = exchange.started(call.patience)
            yield OpenAnswer(status, headers, exchange.chunks())
        finally:
            self._loop.call_soon_threadsafe(exchange.left.set)
            ended.result(_WAIT_SECONDS)

    def _end_loop(self) -> None:
        with suppress(TimeoutError):
            self._spawn(self._loop.shutdown_default_executor()).result(_WAIT_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WAIT_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()

    def _spawn(self, work: Awaitable[None]) -> Future[None]:
        return asyncio.run_coroutine_threadsafe(_as_coroutine(work), self._loop)


class _Lifespan:
    """The application's start and end; one that knows no lifespan has none."""

    def __init__(self) -> None:
        self.ending = asyncio.Event()
        self._told = False
        self._said: queue.Queue[str] = queue.Queue()

    def wait(self, phase: str) -> None:
        """Raises `BrokenAnswerError` when the phase fails or takes more than 10 seconds."""
        try:
            said = self._said.get(timeout=_WAIT_SECONDS)
        except queue.Empty:
            raise BrokenAnswerError(f"the application's {phase} did not end") from None
        if said.endswith("failed"):
            raise BrokenAnswerError(f"the application said {said}")

    async def run(self, app: AsgiApp) -> None:
        """Talks to the application until its end."""
        scope: _Message = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        with suppress(Exception):  # refusing the scope is how an application says it has none
            await app(scope, self._receive, self._send)
        self._said.put("none")  # what nobody waits for does no harm
        self._said.put("none")

    async def _receive(self) -> _Message:
        if not self._told:
            self._told = True
            return {"type": "lifespan.startup"}
        await self.ending.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: _Message) -> None:
        self._said.put(str(message["type"]))


class _Exchange:
    """One request: the server's two functions, and a queue to the thread that asked."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._to_send = deque(call.chunks() or [b""])
        self._got: queue.Queue[_Message | BrokenAnswerError] = queue.Queue()
        self._complete = False
        self.left = asyncio.Event()

    async def run(self, app: AsgiApp) -> None:
        """Runs the application; its failure breaks the answer."""
        try:
            await app(_scope(self._call), self._receive, self._send)
        except Exception as exc:
            error = BrokenAnswerError(f"the application raised {exc!r} in mid-answer")
            error.__cause__ = exc
            self._got.put(error)
        else:
            self._got.put(BrokenAnswerError("the application returned before its answer ended"))

    async def _receive(self) -> _Message:
        if self._to_send:
            chunk = self._to_send.popleft()
            more = bool(self._to_send) or self._call.is_cut() or self._call.stalls
            return {"type": "http.request", "body": chunk, "more_body": more}
        if self._call.is_cut():
            self.left.set()
            self._got.put(BrokenAnswerError("the client left before the body was complete"))
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: _Message) -> None:
        if self._complete or self.left.is_set():
            return
        self._got.put(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._complete = True
            self.left.set()

    def _next(self, seconds: float = _WAIT_SECONDS) -> _Message:
        try:
            got = self._got.get(timeout=seconds)
        except queue.Empty:
            raise BrokenAnswerError(f"nothing came within {seconds:g} seconds") from None
        if isinstance(got, BrokenAnswerError):
            raise got
        return got

    def started(self, seconds: float) -> tuple[int, Headers]:
        """Waits for the status and the headers."""
        message = self._next(seconds)
        status, pairs = message["status"], message.get("headers", [])
        if not isinstance(status, int) or not isinstance(pairs, Iterable):
            raise AssertionError(f"not the start of a response: {message!r}")
        return status, Headers((k.decode("latin-1"), v.decode("latin-1")) for k, v in pairs)

    def chunks(self) -> Iterator[bytes]:
        """Waits for each part of the body."""
        more = True
        while more:
            message = self._next()
            body = message.get("body", b"")
            if not isinstance(body, bytes):
                raise AssertionError(f"a chunk that is not bytes: {body!r}")
            more = bool(message.get("more_body", False))
            yield body


def _scope(call: Call) -> _Message:
    path, _, query = call.target.partition("?")
    pairs = call.fields()
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("ascii"),
        "query_string": query.encode("ascii"),
        "root_path": "",
        "headers": [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in pairs],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }


async def _as_coroutine(work: Awaitable[None]) -> None:
    await work
