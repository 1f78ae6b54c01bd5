"""The most memory that a process and its children take while something runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

__all__ = ["PeakMemory", "peak_memory"]

_EVERY_SECONDS: Final = 0.2


class PeakMemory:
    """The most that was seen so far, in bytes of resident memory."""

    def __init__(self, pid: int | None = None) -> None:
        self._pid = pid
        self.bytes: int = 0

    def look(self) -> None:
        """Looks now; processes that have ended have no memory."""
        self.bytes = max(self.bytes, _resident(self._pid))


@contextmanager
def peak_memory(pid: int | None = None) -> Iterator[PeakMemory]:
    """Inside, looks five times a second at a process, by default this one, and its descendants.

    A peak between two looks is not seen. Memory that processes share counts for each.
    """
    peak = PeakMemory(pid)
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(_EVERY_SECONDS):
            peak.look()

    peak.look()
    thread = threading.Thread(target=watch, name="drum-peak-memory", daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()
        peak.look()


def _resident(pid: int | None) -> int:
    import psutil

    total = 0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                total += one.memory_info().rss
    return total
