"""One ASGI endpoint: a request read on the loop, answered in one thread from first to last byte.

A route with an asynchronous handler is answered on the loop instead, where that handler wants to.
"""

from __future__ import annotations

import asyncio
import enum
from typing import Final
from weakref import WeakKeyDictionary

import anyio
import anyio.to_thread
from starlette.types import Message, Receive, Scope, Send

from drum_core.messages import BodyWriter, Route, RoutePolicy
from drum_web.asgi_exchange import Exchange
from drum_web.asgi_messages import received_headers

__all__ = ["Limiter", "RouteEndpoint", "refusing"]

THREADS: Final = 128
"""Requests of one application that may hold a thread; more than may wait for a model."""

LINGER_SECONDS: Final = 1.0
LINGER_BYTES: Final = 64 * 1024 * 1024
"""How much of a body over the limit is read and dropped: a client that is still sending when the
connection is closed would see a reset instead of the answer."""


class Limiter:
    """The threads of one application, on whichever event loop it runs."""

    def __init__(self) -> None:
        self._limiters: WeakKeyDictionary[asyncio.AbstractEventLoop, anyio.CapacityLimiter] = (
            WeakKeyDictionary()
        )

    def current(self) -> anyio.CapacityLimiter:
        """The limiter of the running loop."""
        loop = asyncio.get_running_loop()
        limiter = self._limiters.get(loop)
        if limiter is None:
            limiter = self._limiters[loop] = anyio.CapacityLimiter(THREADS)
        return limiter


class RouteEndpoint:
    """An ASGI application that answers the requests of one route."""

    def __init__(self, route: Route, limiter: Limiter) -> None:
        self.route = route
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reads the body, calls the handler, and sends its response, unless the client leaves."""
        headers = received_headers(scope)
        writer = self.route.begin_body(headers)
        try:
            arrived = await _receive(receive, writer, self._limiter)
        except BaseException:
            writer.close()
            raise
        if arrived is _Arrived.NOTHING:
            writer.close()
            return
        exchange = Exchange(self.route, scope, headers, writer)
        watched: Receive | None = receive
        if arrived is _Arrived.PART:
            send = refusing(send, receive, linger="Expect" not in headers)
            watched = None  # the rest of the body is in the way
        if self.route.policy is RoutePolicy.PROBE:
            await exchange.answer_on_loop(send)
        elif (work := exchange.begin()) is not None:
            await exchange.answer_in_task(work, receive, send)
        else:
            await exchange.answer_in_thread(watched, send, self._limiter.current())


class _Arrived(enum.Enum):
    """How much of a request's body has come."""

    NOTHING = "the client left before its end"
    PART = "until it was refused: too large, late, no room; the rest is not read"
    ALL = "to its end"


async def _receive(receive: Receive, writer: BodyWriter, limiter: Limiter) -> _Arrived:
    """Writes the body, until it is refused or late."""
    loop = asyncio.get_running_loop()
    size = 0
    limit = asyncio.timeout(writer.patience())
    try:
        async with limit:
            while not writer.refused:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return _Arrived.NOTHING
                chunk: bytes = message.get("body", b"")
                size += len(chunk)
                if not writer.spools(size):
                    writer.write(chunk)
                else:  # a file is written, which may block, and is not left in the middle
                    limit.reschedule(None)
                    await anyio.to_thread.run_sync(writer.write, chunk, limiter=limiter.current())
                if not message.get("more_body", False):
                    return _Arrived.ALL
                patience = writer.patience()
                limit.reschedule(None if patience is None else loop.time() + patience)
    except TimeoutError:
        if not limit.expired():
            raise
        writer.time_out()
    return _Arrived.PART


def refusing(send: Send, receive: Receive, *, linger: bool) -> Send:
    """A `send` for an answer to a body that was not read: the connection cannot go on."""

    async def send_last(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"connection", b"close")]
        elif linger and not message.get("more_body", False):
            await send({**message, "more_body": True})
            await _drop_rest(receive)
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await send(message)

    return send_last


async def _drop_rest(receive: Receive) -> None:
    size = 0
    with anyio.move_on_after(LINGER_SECONDS):
        while size < LINGER_BYTES:
            message = await receive()
            size += len(message.get("body", b""))
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                return
