"""Jobs that go on after their time is over: counted, looked at once, and a reason to be replaced.

A thread of Python cannot be ended from outside. What can be done is to answer its client in time
(504), to keep its slot from being given away, to log where it is, and, when too many hang, to turn
unready and ask for another worker.
"""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Final

from drum_core.serving.job import Job

__all__ = ["Overruns"]

_logger = logging.getLogger("drum.server")

_REST_SECONDS: Final = 60.0


class Overruns:
    """The jobs of a worker that outlive their time; thread-safe.

    When `limit` of them run at a time, `on_limit` is called, once, with the reason. `on_count` is
    called with their number and the limit whenever it changes, in order.
    """

    def __init__(
        self,
        limit: int,
        *,
        on_limit: Callable[[str], object] = lambda reason: None,
        on_count: Callable[[int, int], object] = lambda count, limit: None,
        grace: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`grace` is what a job has to end after its time, where something else ends it."""
        self._grace = grace
        self.limit: int = limit
        self.total: int = 0
        self.on_overrun: Callable[[], object] = lambda: None
        """Called for each job that outlives its time."""
        self._on_limit = on_limit
        self._on_count = on_count
        self._clock = clock
        self._change = threading.Condition()
        self._running: set[Job] = set()
        self._asked = False
        self._watched: dict[Job, float] = {}
        self._watcher: threading.Thread | None = None

    @property
    def running(self) -> int:
        """How many jobs run although their time is over."""
        return len(self._running)

    def reason(self) -> str | None:
        """Why no more requests should come here; `None` while they should."""
        count = len(self._running)
        if count < self.limit:
            return None
        jobs = "1 job runs on although its time is" if count == 1 else f"{count} jobs run on"
        rest = "" if count == 1 else " although their time is"
        return f"{jobs}{rest} over; the log shows where. This worker needs to be replaced."

    def outlived(self, job: Job) -> None:
        """The time of `job` is over; nothing happens if it has ended."""
        with self._change:
            if job.ended or job in self._running:
                return
            self._running.add(job)
            self.total += 1
            self._on_count(len(self._running), self.limit)
            asks = not self._asked and len(self._running) >= self.limit
            self._asked = self._asked or asks
        self.on_overrun()
        _logger.error(
            "%s of request %s runs on after its deadline, %.1f s after it began; it is here:\n%s",
            job.name,
            job.request_id,
            self._clock() - job.began,
            _stack(job.thread_id),
        )
        if asks and (reason := self.reason()) is not None:
            self._on_limit(reason)

    def abandoned(self, job: Job) -> None:
        """Nobody waits for `job` any more; it outlives its time unless it ends before."""
        seconds = job.deadline.left_of_server() + self._grace
        if seconds <= 0:
            self.outlived(job)
            return
        with self._change:
            if job.ended or seconds == math.inf:
                return
            self._watched[job] = self._clock() + seconds
            if self._watcher is None:
                self._watcher = threading.Thread(
                    target=self._watch, name="drum-overruns", daemon=True
                )
                self._watcher.start()
            self._change.notify()

    def ended(self, job: Job) -> None:
        """`job` is over at last."""
        with self._change:
            job.ended = True
            late = job in self._running
            self._running.discard(job)
            if late:
                self._on_count(len(self._running), self.limit)
            self._watched.pop(job, None)
        if late:
            _logger.warning(
                "%s of request %s, which ran on after its deadline, has ended after %.1f s",
                job.name,
                job.request_id,
                self._clock() - job.began,
            )

    def _watch(self) -> None:
        """Runs while there is something to watch, and a while longer."""
        while True:
            with self._change:
                now = self._clock()
                due = [job for job, at in self._watched.items() if at <= now]
                for job in due:
                    del self._watched[job]
                if not due:
                    rest = min(self._watched.values(), default=now + _REST_SECONDS) - now
                    if not self._change.wait(rest) and not self._watched:
                        self._watcher = None
                        return
            for job in due:
                self.outlived(job)


def _stack(thread_id: int | None) -> str:
    frame = sys._current_frames().get(thread_id) if thread_id is not None else None
    if frame is None:
        return "  (its thread is not there)"
    return "".join(traceback.format_stack(frame)).rstrip()
