"""Running a user's coroutine from synchronous code: one event loop for all of a worker's."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable
from typing import TypeVar

__all__ = ["AsyncBridge", "wait_for"]

T = TypeVar("T")


class AsyncBridge:
    """The event loop of a worker's user code: the server's, where it has one, else its own.

    A worker has one, so that what user code keeps between calls (a client, a pool, a lock) always
    meets the same loop. A loop of its own runs in a thread, from the first use on. Owned, and
    closed, by the worker context.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def adopt(self, loop: asyncio.AbstractEventLoop) -> None:
        """Takes a loop that runs elsewhere, unless another has been used already."""
        with self._lock:
            if self._loop is None or self._loop.is_closed():
                self._loop, self._thread = loop, None

    def runs_here(self) -> bool:
        """Whether the loop that runs in this thread is the one; it becomes that if there is none.

        Raises `RuntimeError` where no loop runs.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self.adopt(loop)
        return self._loop is loop

    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, running.

        Raises `RuntimeError` when called on it: waiting there for it would never end.
        """
        with self._lock:
            if self._loop is None or self._loop.is_closed():
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="drum-async", daemon=True
                )
                self._thread.start()
            found = self._loop
        if asyncio._get_running_loop() is found:
            raise RuntimeError("a coroutine of this loop called back synchronously; await instead")
        return found

    def call(self, awaitable: Awaitable[T]) -> T:
        """Waits for `awaitable` on the loop; its result, or what it raised.

        Raises `RuntimeError` when called on the loop itself.
        """
        try:
            loop = self.loop()
        except RuntimeError:
            if inspect.iscoroutine(awaitable):
                awaitable.close()
            raise
        return asyncio.run_coroutine_threadsafe(_as_coroutine(awaitable), loop).result()

    def close(self, timeout: float = 2.0) -> None:
        """Cancels what still runs and ends the loop, within `timeout` seconds; safe to repeat.

        A loop that was adopted goes on.
        """
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
