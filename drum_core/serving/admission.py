"""Which jobs may run: each holds one slot, from its first byte of work to its last byte sent."""

from __future__ import annotations

import threading
from typing import Final

from drum_core.errors import BusyError

__all__ = ["ASYNC_JOBS", "WAITING_JOBS", "AsyncJobs", "Slot", "Slots"]

ASYNC_JOBS: Final = 1000
"""Jobs on the event loop of one worker, streams included: they wait, but they hold memory and a
connection each."""


WAITING_JOBS: Final = 64
"""Jobs that may wait for a slot: each holds a thread, of which every server has more than these,
so that a probe always finds one."""


class Slots:
    """A number of slots; a job that finds none waits for one, in its own thread.

    At most `waiting` jobs wait; one more is refused.
    """

    def __init__(self, count: int = 1, *, waiting: int = WAITING_JOBS) -> None:
        self.count: int = count
        self.waiting: int = waiting
        self._free = threading.BoundedSemaphore(count)
        self._places = threading.BoundedSemaphore(waiting)

    def take(self) -> Slot:
        """Waits for a free slot and takes it; raises `BusyError` when too many wait already."""
        if not self._free.acquire(blocking=False):
            if not self._places.acquire(blocking=False):
                raise BusyError(
                    f"{self.waiting} requests wait for the model already; try again in a moment, "
                    "or start the server with more workers."
                )
            try:
                self._free.acquire()
            finally:
                self._places.release()
        return Slot(self._free)


class Slot:
    """A slot that a job holds; given back once."""

    def __init__(self, free: threading.BoundedSemaphore) -> None:
        self._free = free
        self._lock = threading.Lock()
        self._held = True

    def release(self) -> None:
        """Gives the slot back; safe to repeat, from any thread."""
        with self._lock:
            held, self._held = self._held, False
        if held:
            self._free.release()


class AsyncJobs:
    """How many jobs are on an event loop; one over the limit is refused, not kept waiting.

    For the thread of that loop only.
    """

    def __init__(self, limit: int = ASYNC_JOBS) -> None:
        self.limit: int = limit
        self.running: int = 0

    def take(self) -> None:
        """Counts a job; raises `BusyError` when there are as many as may be."""
        if self.running >= self.limit:
            raise BusyError(
                f"This worker is answering {self.limit} requests already; try again in a moment."
            )
        self.running += 1

    def release(self) -> None:
        """Counts it out, once."""
        self.running -= 1
