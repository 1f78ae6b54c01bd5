"""One ASGI endpoint: a request read on the loop, answered in one thread from first to last byte."""

from __future__ import annotations

import asyncio
import enum
import logging
import threading
from collections.abc import Awaitable, Iterable
from http import HTTPStatus
from typing import Final

import anyio
import anyio.from_thread
import anyio.to_thread
from anyio.lowlevel import RunVar
from starlette.types import Message, Receive, Scope, Send

from drum_core.body import SPOOL_BYTES
from drum_core.messages import (
    AsyncResponse,
    BodyWriter,
    ByteStream,
    Headers,
    Request,
    Response,
    Route,
    RoutePolicy,
)
from drum_core.serving.answers import fallback_response
from drum_web.asgi_route import route_path
from drum_web.urls import parse_query

__all__ = ["Limiter", "RouteEndpoint", "raw_headers", "received_headers"]

_logger = logging.getLogger(__name__)

THREADS: Final = 128
"""Requests of one application that may hold a thread; admission, in the core, is far below."""

LINGER_SECONDS: Final = 1.0
LINGER_BYTES: Final = 64 * 1024 * 1024
"""How much of a body over the limit is read and dropped: a client that is still sending when the
connection is closed would see a reset instead of the answer."""


class Limiter:
    """The threads of one application, on whichever event loop it runs."""

    def __init__(self) -> None:
        self._current: RunVar[anyio.CapacityLimiter] = RunVar("drum_threads")

    def current(self) -> anyio.CapacityLimiter:
        """The limiter of the running loop."""
        try:
            return self._current.get()
        except LookupError:
            limiter = anyio.CapacityLimiter(THREADS)
            self._current.set(limiter)
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
        except OSError:
            writer.close()
            await _send_closing(send, _disk_full(scope, headers))
            return
        except BaseException:
            writer.close()
            raise
        if arrived is _Arrived.NOTHING:
            writer.close()
            return
        exchange = _Exchange(self.route, scope, headers, writer)
        watched: Receive | None = receive
        if arrived is _Arrived.PART:
            send = _refusing(send, receive, linger="Expect" not in headers)
            watched = None  # the rest of the body is in the way
        if self.route.policy is RoutePolicy.PROBE:
            await exchange.answer_on_loop(send)
        elif (work := exchange.begin()) is not None:
            await exchange.answer_in_task(work, receive, send)
        else:
            await exchange.answer_in_thread(watched, send, self._limiter.current())


class _Exchange:
    """One request and its response."""

    def __init__(self, route: Route, scope: Scope, headers: Headers, writer: BodyWriter) -> None:
        self._route = route
        self._scope = scope
        self._headers = headers
        self._writer = writer
        self._left = threading.Event()
        self._request: Request | None = None
        self._sent_whole = False
        self._sending: anyio.CancelScope | None = None

    async def answer_on_loop(self, send: Send) -> None:
        response = self._respond()
        if isinstance(response.body, bytes):
            await _send_whole(send, response)
            return
        try:
            await send(_start(response))
            for chunk in response.body:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            response.body.close()

    def begin(self) -> Awaitable[AsyncResponse] | None:
        """The answer of the route's asynchronous handler, if this request is for it."""
        handler = self._route.async_handler
        return None if handler is None else handler(self._taken_request())

    async def answer_in_task(
        self, work: Awaitable[AsyncResponse], receive: Receive, send: Send
    ) -> None:
        """Answers in a task of its own, which is cancelled, once, when the client leaves.

        A cancel scope would cancel again whatever user code awaits in order to clean up.
        """
        watch = asyncio.create_task(self._watch(receive))
        answer = asyncio.create_task(self._answer(work, send))
        try:
            await asyncio.wait((watch, answer), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done() and self._left.is_set() and not self._sent_whole:
                answer.cancel()
            await asyncio.wait((answer,))
        finally:
            watch.cancel()
            answer.cancel()
            self._end()
        if not answer.cancelled():
            answer.result()

    async def _answer(self, work: Awaitable[AsyncResponse], send: Send) -> None:
        response = await work
        if isinstance(response.body, bytes):
            await _send_whole(send, response)
            return
        try:
            await send(_start(response))
            async for chunk in response.body:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                if self._left.is_set():
                    return
            self._sent_whole = True
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await response.body.aclose()

    async def answer_in_thread(
        self, watched: Receive | None, send: Send, limiter: anyio.CapacityLimiter
    ) -> None:
        # A bare task: a task group would cost as much again as the thread does.
        watch = None if watched is None else asyncio.create_task(self._watch(watched))
        try:
            response = await anyio.to_thread.run_sync(self._work, send, limiter=limiter)
        finally:
            if watch is not None:
                watch.cancel()
            self._end()
        if response is not None:
            await _send_whole(send, response)

    async def _watch(self, receive: Receive) -> None:
        """Waits for the client to leave. Some middleware repeats the body instead, for ever."""
        try:
            while (message := await receive())["type"] != "http.disconnect":
                if not message.get("more_body", False):
                    return
        except Exception:
            _logger.debug("cannot watch the connection", exc_info=True)
        else:
            self._left.set()

    def _end(self) -> None:
        """The task is over, or was cancelled: the thread must not go on sending."""
        self._left.set()
        if self._sending is not None:
            self._sending.cancel()
        if self._request is None:
            self._writer.close()
        else:  # again, if it has been answered
            self._request.body.close()

    def _taken_request(self) -> Request:
        if self._request is None:
            self._request = Request(
                method=self._scope["method"],
                path=route_path(self._scope),
                query=parse_query(self._scope["query_string"]),
                headers=self._headers,
                body=self._writer.finish(),
                path_params=self._scope.get("path_params", {}),
                disconnected=self._left.is_set,
            )
        return self._request

    def _respond(self) -> Response:
        return self._route.handler(self._taken_request())

    def _work(self, send: Send) -> Response | None:
        """In the thread: a whole response is given to the loop, a stream is sent from here."""
        response = self._respond()
        if isinstance(response.body, bytes):
            return response
        try:
            self._stream(send, response, response.body)
        finally:
            response.body.close()
        return None

    def _stream(self, send: Send, response: Response, chunks: ByteStream) -> None:
        if not self._sent(send, _start(response)):
            return
        for chunk in chunks:
            message = {"type": "http.response.body", "body": chunk, "more_body": True}
            if not self._sent(send, message):
                return
        self._sent(send, {"type": "http.response.body", "body": b"", "more_body": False})

    def _sent(self, send: Send, message: Message) -> bool:
        """Sends from the thread; false when nobody is there any more."""
        if self._left.is_set():
            return False
        try:
            anyio.from_thread.run(self._send, send, message)
        except (OSError, RuntimeError):  # the connection, or the whole loop, has gone
            return False
        return not self._left.is_set()

    async def _send(self, send: Send, message: Message) -> None:
        with anyio.CancelScope() as self._sending:
            if not self._left.is_set():
                await send(message)


class _Arrived(enum.Enum):
    """How much of a request's body has come."""

    NOTHING = "the client left before its end"
    PART = "up to the limit, or nothing where more is announced; the rest is not read"
    ALL = "to its end"


async def _receive(receive: Receive, writer: BodyWriter, limiter: Limiter) -> _Arrived:
    """Writes the body, up to the limit."""
    size = 0
    while not writer.overflowed:
        message = await receive()
        if message["type"] == "http.disconnect":
            return _Arrived.NOTHING
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= SPOOL_BYTES:
            writer.write(chunk)
        else:  # a file is written, which may block
            await anyio.to_thread.run_sync(writer.write, chunk, limiter=limiter.current())
        if not message.get("more_body", False):
            return _Arrived.ALL
    return _Arrived.PART


def _refusing(send: Send, receive: Receive, *, linger: bool) -> Send:
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


async def _send_closing(send: Send, response: Response) -> None:
    async def send_last(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"connection", b"close")]
        await send(message)

    await _send_whole(send_last, response)


def _disk_full(scope: Scope, received: Headers) -> Response:
    status = HTTPStatus.INSUFFICIENT_STORAGE
    path = route_path(scope)
    return fallback_response(status, method=scope["method"], path=path, received=received)


def _start(response: Response | AsyncResponse) -> Message:
    return {
        "type": "http.response.start",
        "status": response.status,
        "headers": raw_headers(response.headers.multi_items()),
    }


async def _send_whole(send: Send, response: Response | AsyncResponse) -> None:
    await send(_start(response))
    await send({"type": "http.response.body", "body": response.body, "more_body": False})


def received_headers(scope: Scope) -> Headers:
    """The request's header fields, as a WSGI application would see them.

    Names with an underscore are left out, since they could pass for others in WSGI.
    """
    return Headers.received(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in scope["headers"]
        if b"_" not in name and (value or name != b"content-type")
    )


def raw_headers(fields: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Header fields as ASGI sends them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
