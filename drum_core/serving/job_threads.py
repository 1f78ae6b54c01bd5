"""The threads in which jobs run: as many as there are jobs at a time, each used again and again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

__all__ = ["JobThreads"]

_logger = logging.getLogger(__name__)


class JobThreads:
    """Threads that are made when they are needed and kept for the next job.

    One that rests is preferred to a new one, the latest first, so that jobs one at a time all run
    in one thread: what a model keeps there, it finds again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._resting: list[_JobThread] = []
        self._all: set[_JobThread] = set()
        self._made = 0
        self._closed = False

    def start(self, work: Callable[[], object], then: Callable[[], object]) -> None:
        """Runs `work`, then `then` when the thread is free again; neither raises.

        Raises `RuntimeError` when no thread can be had.
        """
        with self._lock:
            if self._resting:
                thread = self._resting.pop()
            else:
                self._made += 1
                thread = _JobThread(self, f"drum-job-{self._made}")
                thread.start()
                self._all.add(thread)
        thread.call(work, then)

    def close(self, seconds: float = 2.0) -> None:
        """Ends the threads; one that still runs a job ends after it, and is waited for so long.

        A job that comes afterwards has a thread that ends with it.
        """
        with self._lock:
            self._closed = True
            threads, resting = list(self._all), self._resting
            self._resting = []
        for thread in resting:
            thread.call(None, None)
        until = time.monotonic() + seconds
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))

    def _rest(self, thread: _JobThread) -> bool:
        """Whether the thread is to wait for another job."""
        with self._lock:
            if self._closed:
                return False
            self._resting.append(thread)
            return True

    def _forget(self, thread: _JobThread) -> None:
        with self._lock:
            self._all.discard(thread)


class _JobThread(threading.Thread):
    def __init__(self, pool: JobThreads, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._pool = pool
        self._calls = threading.Lock()
        self._calls.acquire()  # whoever calls releases it
        self._work: Callable[[], object] | None = None
        self._then: Callable[[], object] | None = None

    def call(self, work: Callable[[], object] | None, then: Callable[[], object] | None) -> None:
        """Gives a resting thread something to do; nothing ends it."""
        self._work, self._then = work, then
        self._calls.release()

    def run(self) -> None:
        rests = True
        while rests:
            self._calls.acquire()
            work, then = self._work, self._then
            self._work = self._then = None
            if work is None or then is None:
                break
            try:
                work()
            except BaseException:
                _logger.exception("a job has ended in an error that nobody expected")
            rests = self._pool._rest(self)
            # The slot is given back last: its next job then finds this thread.
            del work
            then()
        self._pool._forget(self)
