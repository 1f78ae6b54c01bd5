"""The streams that chat hooks return: read, translated and closed, whatever their colour."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from drum_core.process_end import is_interrupt

__all__ = ["AsyncTexts", "ThreadedItems", "close_all", "close_all_async", "is_being_cancelled"]

_logger = logging.getLogger(__name__)

_END: Final = object()


class AsyncTexts:
    """Each item of an asynchronous iterator as a text; what it raises, as `failure` says."""

    def __init__(
        self,
        items: AsyncIterator[object],
        encode: Callable[[object], bytes],
        failure: Callable[[BaseException], Exception],
    ) -> None:
        self._next = items.__anext__
        self._encode = encode
        self._failure = failure

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            item = await self._next()
        except StopAsyncIteration:
            raise
        except asyncio.CancelledError as error:
            if is_being_cancelled():
                raise
            raise self._failure(error) from error
        except BaseException as error:
            if is_interrupt(error):
                raise
            raise self._failure(error) from error
        return self._encode(item)


class ThreadedItems:
    """A blocking iterator for an event loop: iterated and closed in one thread of its own.

    `source`, which the iterator is of, is closed after it; it may be the iterator itself.
    """

    def __init__(self, items: Iterator[object], source: object) -> None:
        self._items = items
        self._sources = (items,) if source is items else (items, source)
        self._context = contextvars.copy_context()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="drum-chat")

    def __aiter__(self) -> AsyncIterator[object]:
        return self

    async def __anext__(self) -> object:
        loop = asyncio.get_running_loop()
        item = await loop.run_in_executor(self._thread, self._context.run, self._take)
        if item is _END:
            raise StopAsyncIteration
        return item

    def _take(self) -> object:
        return next(self._items, _END)

    async def aclose(self) -> None:
        """Closes both once the item that is being made is there; does not wait for that."""
        self._thread.submit(self._context.run, close_all, *self._sources)
        self._thread.shutdown(wait=False)


def close_all(*sources: object) -> None:
    """Calls `close` of each that has it; what that raises is logged."""
    for source in sources:
        close: object = getattr(source, "close", None)
        if callable(close):
            try:
                close()
            except BaseException:  # user code may raise anything, and the others are closed too
                _logger.exception("a chat stream could not be closed")


async def close_all_async(*sources: object) -> None:
    """Calls `aclose`, else `close`, of each that has it, and awaits it where it can be."""
    for source in sources:
        close: object = getattr(source, "aclose", None) or getattr(source, "close", None)
        if not callable(close):
            continue
        try:
            closed: object = close()
            if inspect.isawaitable(closed):
                await closed
        except Exception:
            _logger.exception("a chat stream could not be closed")


def is_being_cancelled() -> bool:
    """Whether somebody cancels the running task; user code may raise `CancelledError` itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
