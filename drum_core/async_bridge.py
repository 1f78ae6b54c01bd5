"""Running a user's coroutine from synchronous code: one event loop in one thread."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable
from typing import TypeVar

__all__ = ["AsyncBridge", "wait_for"]

T = TypeVar("T")


class AsyncBridge:
    """An event loop in a thread of its own, started at first use.

    A worker has one, so that what user code keeps between calls (a client, a lock) always meets
    the same loop. Owned, and closed, by the worker context.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def call(self, awaitable: Awaitable[T]) -> T:
        """Waits for `awaitable` on the loop; its result, or what it raised.

        Raises `RuntimeError` when called on the loop's own thread, which would never end.
        """
        if threading.current_thread() is self._thread:
            if inspect.iscoroutine(awaitable):
                awaitable.close()
            raise RuntimeError("a coroutine of this loop called back synchronously; await instead")
        return asyncio.run_coroutine_threadsafe(_as_coroutine(awaitable), self._running()).result()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="drum-async", daemon=True
                )
                self._thread.start()
            return self._loop

    def close(self, timeout: float = 2.0) -> None:
        """Cancels what still runs and ends the loop, within `timeout` seconds; safe to repeat."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(_cancel_others(), loop)
        loop.call_soon_threadsafe(loop.call_later, 0.05, loop.stop)
        thread.join(timeout)
        if not thread.is_alive():
            loop.close()


def wait_for(value: Awaitable[object] | object, bridge: AsyncBridge) -> object:
    """`value` itself, or what it comes to when it can be awaited."""
    return bridge.call(value) if inspect.isawaitable(value) else value


async def _as_coroutine(awaitable: Awaitable[T]) -> T:
    return await awaitable


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
