"""One request and its response over ASGI: answered on the loop, in a task, or in a thread."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable

import anyio
import anyio.from_thread
import anyio.to_thread
from starlette.types import Message, Receive, Scope, Send

from drum_core.messages import (
    AsyncResponse,
    BodyWriter,
    ByteStream,
    Headers,
    Request,
    Response,
    Route,
)
from drum_web.asgi_messages import send_whole, start_message
from drum_web.asgi_route import route_path
from drum_web.urls import parse_query

__all__ = ["Exchange"]

_logger = logging.getLogger(__name__)


class Exchange:
    """One request and its response; one of the methods `answer_…` is called, once."""

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
        """Answers here and now, for handlers that never block."""
        response = self._respond()
        if isinstance(response.body, bytes):
            await send_whole(send, response)
            return
        try:
            await send(start_message(response))
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
            await send_whole(send, response)
            return
        try:
            await send(start_message(response))
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
        """Handler and stream run in one thread of the limiter; `watched` tells who has left."""
        # A bare task: a task group would cost as much again as the thread does.
        watch = None if watched is None else asyncio.create_task(self._watch(watched))
        try:
            response = await anyio.to_thread.run_sync(self._work, send, limiter=limiter)
        finally:
            if watch is not None:
                watch.cancel()
            self._end()
        if response is not None:
            await send_whole(send, response)

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
        if self._request is None:  # else the core has the body, and closes it
            self._writer.close()

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
        if not self._sent(send, start_message(response)):
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
