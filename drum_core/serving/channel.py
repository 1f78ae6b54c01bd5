"""The way of an answer from the thread that makes it to the thread, or task, that sends it."""

from __future__ import annotations

import asyncio
import math
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from drum_core.messages import Response

__all__ = ["Channel", "End", "Item"]

_AHEAD: Final = 8
"""Chunks that may be made before they are sent."""


@dataclass(frozen=True, slots=True)
class End:
    """The last item of a stream; `error` is why it is not complete."""

    error: Exception | None = None


Item: TypeAlias = Response | Exception | bytes | End
"""First a response, or what was raised instead; after one with a stream its chunks, and an end."""


class Channel:
    """One job writes, one reader reads; the reader may leave, which the job is told.

    The reader asks by `get` in a thread, or by `receive` in a task, with the seconds it waits;
    both give `None` when nothing has come.
    """

    __slots__ = ("_bell", "_items", "_left", "_lock", "_ring", "_room")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._room: threading.Condition | None = None
        self._items: deque[Item] = deque()
        self._ring: Callable[[], object] | None = None
        self._bell: threading.Lock | None = None
        self._left = False

    @property
    def left(self) -> bool:
        """Whether nobody reads any more."""
        return self._left

    # The job.

    def put(self, item: Item) -> bool:
        """Hands `item` over without waiting; false when nobody reads any more."""
        with self._lock:
            if self._left:
                return False
            self._items.append(item)
            ring, self._ring = self._ring, None
        if ring is not None:
            ring()
        return True

    def put_chunk(self, chunk: bytes, patience: Callable[[], float]) -> bool:
        """As `put`, once there is room; false also when there is none in time."""
        return self._wait_for_room(_AHEAD - 1, patience) and self.put(chunk)

    def put_end(self, error: Exception | None, patience: Callable[[], float]) -> None:
        """Ends a stream, and waits until all of it has been taken, or there is nobody to do so."""
        self.put(End(error))
        self._wait_for_room(0, patience)

    def _wait_for_room(self, most: int, patience: Callable[[], float]) -> bool:
        with self._lock:
            if len(self._items) > most and not self._left:
                self._room = self._room or threading.Condition(self._lock)
                while len(self._items) > most and not self._left:
                    seconds = patience()
                    if seconds <= 0:
                        return False
                    self._room.wait(min(seconds, threading.TIMEOUT_MAX))
            return not self._left

    # The reader.

    def leave(self) -> None:
        """Nobody reads any more; what is in the channel is dropped."""
        with self._lock:
            self._left = True
            self._items.clear()
            self._ring = None
            if self._room is not None:
                self._room.notify()

    def get(self, seconds: float) -> Item | None:
        """The next item, waiting in this thread."""
        bell = self._bell
        if bell is None:
            bell = self._bell = threading.Lock()
            bell.acquire()  # whoever rings releases it
        item = self._take_or(bell.release)
        if item is not None:
            return item
        if seconds > 0 and bell.acquire(timeout=min(seconds, threading.TIMEOUT_MAX)):
            return self._take()
        if self._take_ring():
            return None
        bell.acquire()  # it rang just now
        return self._take()

    async def receive(self, seconds: float) -> Item | None:
        """The next item, waiting in this task."""
        loop = asyncio.get_running_loop()
        rung: asyncio.Future[None] = loop.create_future()

        def ring() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(_settle, rung)

        item = self._take_or(ring)
        if item is not None or seconds <= 0:
            return item
        timer = loop.call_later(seconds, _settle, rung) if seconds < math.inf else None
        try:
            await rung
        finally:
            if timer is not None:
                timer.cancel()
        self._take_ring()
        return self._take()

    def _take_or(self, ring: Callable[[], object]) -> Item | None:
        """An item, or `None` and `ring` is called when there is one."""
        with self._lock:
            if self._items:
                return self._pop()
            self._ring = ring
            return None

    def _take(self) -> Item | None:
        with self._lock:
            return self._pop() if self._items else None

    def _take_ring(self) -> bool:
        """Whether the ring had not been used."""
        with self._lock:
            unused, self._ring = self._ring is not None, None
            return unused

    def _pop(self) -> Item:
        item = self._items.popleft()
        if self._room is not None:
            self._room.notify()
        return item


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
