"""Running a user's coroutine from synchronous code: one event loop for all of a worker's."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar

__all__ = ["AbandonedError", "AsyncBridge", "Emit", "Relay", "wait_for"]

T = TypeVar("T")

Emit: TypeAlias = Callable[[T], Awaitable[None]]
"""Hands an item over; waits while nobody takes the items before it."""

_AHEAD: Final = 4
_POLL_SECONDS: Final = 0.2
_CLOSE_SECONDS: Final = 2.0
_STOP_SECONDS: Final = 0.1


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
                    target=_run, args=(self._loop,), name="drum-async", daemon=True
                )
                self._thread.start()
            found = self._loop
        if asyncio._get_running_loop() is found:
            raise RuntimeError("a coroutine of this loop called back synchronously; await instead")
        return found

    def call(self, awaitable: Awaitable[T]) -> T:
        """Waits for `awaitable` on the loop; its result, or what it raised.

        Raises `RuntimeError` when called on the loop itself, and when the loop ends first.
        """
        coroutine = _outcome(awaitable)
        try:
            loop = self.loop()
            future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        except RuntimeError:
            coroutine.close()
            if inspect.iscoroutine(awaitable):
                awaitable.close()
            raise
        while not concurrent.futures.wait((future,), _POLL_SECONDS).done:
            if loop.is_closed() and not future.done():
                raise RuntimeError("the event loop ended before the coroutine did")
        outcome = future.result()
        if isinstance(outcome, _Stop):
            raise outcome.error
        return outcome

    def close(self, timeout: float = 2.0) -> None:
        """Cancels what still runs, waits for its end, and ends the loop; safe to repeat.

        What takes longer than `timeout` seconds is left behind. A loop that was adopted goes on.
        """
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        until = time.monotonic() + timeout
        ended = asyncio.run_coroutine_threadsafe(_end_others(), loop)
        concurrent.futures.wait((ended,), timeout)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(max(_STOP_SECONDS, until - time.monotonic()))


class AbandonedError(Exception):
    """Raised in a thread that waits for a coroutine whose answer nobody wants any more."""


class Relay(Generic[T]):
    """Carries what a coroutine emits, on the loop of a bridge, to one thread that iterates.

    `produce` runs in one task, begun at once, in a copy of the caller's context; it is a few
    items ahead of the thread at most. What it raises, the iteration raises. While the thread
    waits it asks `abandoned`, and raises `AbandonedError` when that says yes, or when the loop
    ends. Whoever makes it closes it.
    """

    def __init__(
        self,
        bridge: AsyncBridge,
        produce: Callable[[Emit[T]], Awaitable[None]],
        *,
        abandoned: Callable[[], bool] = lambda: False,
    ) -> None:
        self._loop = bridge.loop()
        self._produce = produce
        self._abandoned = abandoned
        self._items: queue.SimpleQueue[tuple[T] | None] = queue.SimpleQueue()
        self._room = asyncio.Semaphore(_AHEAD)
        self._task: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        self._ended = threading.Event()
        self._loop.call_soon_threadsafe(self._start)

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        item = self._wait()
        if item is not None:
            with suppress(RuntimeError):  # the loop has ended, and this was its last word
                self._loop.call_soon_threadsafe(self._room.release)
            return item[0]
        self._items.put(None)  # for whoever asks again
        error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def close(self) -> None:
        """Cancels the coroutine and waits for its end, 2 seconds at most; safe to repeat."""
        if self._ended.is_set():
            return
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._cancel)
            self._ended.wait(_CLOSE_SECONDS)

    def _wait(self) -> tuple[T] | None:
        while True:
            try:
                return self._items.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                if self._abandoned() or self._loop.is_closed():
                    self.close()
                    raise AbandonedError("nobody waits for this any more") from None

    # On the loop.

    def _start(self) -> None:
        self._task = self._loop.create_task(self._run())
        self._task.add_done_callback(self._end)

    async def _run(self) -> None:
        await self._produce(self._emit)

    async def _emit(self, item: T) -> None:
        await self._room.acquire()
        self._items.put((item,))

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _end(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            self._error = AbandonedError("the coroutine was cancelled")
        else:
            self._error = task.exception()
        self._ended.set()
        self._items.put(None)


def wait_for(value: Awaitable[object] | object, bridge: AsyncBridge) -> object:
    """`value` itself, or what it comes to when it can be awaited."""
    return bridge.call(value) if inspect.isawaitable(value) else value


@dataclass(frozen=True, slots=True)
class _Stop:
    """What would end the loop itself if a task of it raised it."""

    error: SystemExit | KeyboardInterrupt


async def _outcome(awaitable: Awaitable[T]) -> T | _Stop:
    try:
        return await awaitable
    except (SystemExit, KeyboardInterrupt) as error:
        return _Stop(error)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


async def _end_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
