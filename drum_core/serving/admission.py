"""Which jobs may run: each holds one slot, from its first byte of work to its last byte sent."""

from __future__ import annotations

import threading

__all__ = ["Slot", "Slots"]


class Slots:
    """A number of slots; a job that finds none waits for one, in its own thread."""

    def __init__(self, count: int = 1) -> None:
        self.count = count
        self._free = threading.BoundedSemaphore(count)

    def take(self) -> Slot:
        """Waits for a free slot and takes it."""
        self._free.acquire()
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
