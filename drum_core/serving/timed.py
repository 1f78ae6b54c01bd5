"""Answers that hold no slot, in time: those of asynchronous hooks and of proxies.

In a thread they ask whether anybody still wants their answer; on a loop they are cancelled.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from drum_core.limit_errors import DeadlineExceededError
from drum_core.messages import AsyncByteStream, AsyncResponse, ByteStream, Request, Response
from drum_core.serving.deadlines import Deadline
from drum_core.serving.job_runner import LastWords

__all__ = ["answer_in_time", "answer_in_time_async"]

_T = TypeVar("_T")

_CLIENT_LEFT = 499


def answer_in_time(
    answer: Callable[[Request], Response],
    request: Request,
    deadline: Deadline,
    last_words: LastWords | None,
) -> Response:
    """What `answer` makes of `request`, in this thread; it is told when its time is over.

    Raises what it raises, and `DeadlineExceededError`.
    """

    def gone() -> bool:
        return deadline.passed() or request.disconnected()

    response = answer(replace(request, disconnected=gone))
    if response.status == _CLIENT_LEFT and deadline.passed():
        raise deadline.error()
    if isinstance(response.body, bytes):
        return response
    stream = _TimedStream(response.body, deadline, last_words)
    return Response(status=response.status, headers=response.headers, body=stream)


async def answer_in_time_async(
    work: Awaitable[AsyncResponse], deadline: Deadline, last_words: LastWords | None
) -> AsyncResponse:
    """What `work` comes to; it is cancelled when its time is over. Raises as `answer_in_time`."""
    response = await _within(deadline, work)
    if isinstance(response.body, bytes):
        return response
    stream = _AsyncTimedStream(response.body, deadline, last_words)
    return AsyncResponse(status=response.status, headers=response.headers, body=stream)


class _TimedStream:
    """A stream whose maker looks at the deadline while it waits for its next chunk."""

    def __init__(
        self, stream: ByteStream, deadline: Deadline, last_words: LastWords | None
    ) -> None:
        self._stream = stream
        self._deadline = deadline
        self._last_words = last_words

    def close(self) -> None:
        self._stream.close()

    def __iter__(self) -> Iterator[bytes]:
        self._deadline.advance()
        for chunk in self._stream:
            yield chunk
            self._deadline.advance()
        if self._deadline.passed():
            if self._last_words is None:
                raise self._deadline.error()
            yield self._last_words(self._deadline.error())


class _AsyncTimedStream:
    """A stream each chunk of which is cancelled when it is not made in time."""

    def __init__(
        self, stream: AsyncByteStream, deadline: Deadline, last_words: LastWords | None
    ) -> None:
        deadline.advance()
        self._stream = stream
        self._next = aiter(stream).__anext__
        self._deadline = deadline
        self._last_words = last_words
        self._over = False

    async def aclose(self) -> None:
        await self._stream.aclose()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._over:
            raise StopAsyncIteration
        try:
            chunk = await _within(self._deadline, self._next())
        except DeadlineExceededError as error:
            self._over = True
            if self._last_words is None:
                raise
            return self._last_words(error)
        self._deadline.advance()
        return chunk


async def _within(deadline: Deadline, work: Awaitable[_T]) -> _T:
    left = deadline.left()
    if left == math.inf:
        return await work
    limit = asyncio.timeout(left)
    try:
        async with limit:
            return await work
    except TimeoutError:
        if limit.expired():
            raise deadline.error() from None
        raise
