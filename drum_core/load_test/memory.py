"""The memory of a server and its workers while they are under load."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from drum_core.results.perf_test import MemorySample

if TYPE_CHECKING:
    import psutil

__all__ = ["MemoryCurve", "watched_memory"]

_MB: Final = 1024 * 1024
_SECONDS: Final = 0.2
_LONGEST: Final = 2.0
_PART: Final = 0.05
"""Of a processor, that looking may take: the kernel walks the pages of a process to count them."""

_MOST_SAMPLES: Final = 600


class MemoryCurve:
    """The samples so far; a thread adds to them."""

    def __init__(self) -> None:
        self._samples: list[MemorySample] = []

    def peak(self, since: float, until: float) -> float | None:
        """The most that was used between two moments, in MB; `None` where nobody looked.

        The sample before `since` counts too: a case may be shorter than the time between two.
        """
        before = [sample.used for sample in self._samples if sample.at < since][-1:]
        within = [sample.used for sample in self._samples if since <= sample.at <= until]
        return max(before + within, default=None)

    def add(self, sample: MemorySample) -> None:
        """Appends a sample."""
        self._samples.append(sample)

    def thinned(self) -> tuple[MemorySample, ...]:
        """At most 600 samples: of each of equal parts of the time, the one with most memory."""
        samples = self._samples
        step = -(-len(samples) // _MOST_SAMPLES) or 1
        parts = (samples[place : place + step] for place in range(0, len(samples), step))
        return tuple(max(part, key=lambda sample: sample.used) for part in parts)


@contextmanager
def watched_memory(pid: int | None, clock: Callable[[], float]) -> Iterator[MemoryCurve]:
    """Inside, the memory of a process and of all below it is looked at five times a second.

    Less often where looking takes long. `clock` gives the seconds that samples are marked with.
    Nothing is looked at for a `pid` of `None`.
    """
    curve = MemoryCurve()
    if pid is None:
        yield curve
        return
    stop = threading.Event()
    thread = threading.Thread(
        target=_watch, args=(pid, clock, curve, stop), name="drum-memory", daemon=True
    )
    thread.start()
    try:
        yield curve
    finally:
        stop.set()
        thread.join()


def _watch(pid: int, clock: Callable[[], float], curve: MemoryCurve, stop: threading.Event) -> None:
    import psutil

    pause, ending = 0.0, False
    while not ending:
        ending = stop.wait(pause)  # the last look is at the end
        began = time.thread_time()
        try:
            server = psutil.Process(pid)
            family = [server, *server.children(recursive=True)]
        except psutil.Error:
            return
        sample = _sample(family, clock())
        if sample is not None:
            curve.add(sample)
        pause = min(max(_SECONDS, (time.thread_time() - began) / _PART), _LONGEST)


def _sample(family: list[psutil.Process], at: float) -> MemorySample | None:
    import psutil

    resident: list[tuple[int, float]] = []
    shared_out: float | None = 0.0
    for process in family:
        try:
            full = process.memory_full_info()
        except psutil.Error:  # it has just ended
            continue
        resident.append((process.pid, full.rss / _MB))
        part = getattr(full, "pss", None)  # Linux
        shared_out = None if part is None or shared_out is None else shared_out + part / _MB
    if not resident:
        return None
    total = sum(size for _, size in resident)
    return MemorySample(at=at, rss=total, pss=shared_out, processes=tuple(resident))
