"""Which jobs may run, which wait for their turn, and which are refused.

A job holds a slot from its first byte of work until it has really ended: until its last byte is
sent, or its thread is done, however long ago its client has left. What waits is a ticket in a
queue, first come first served, and not a thread.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from drum_core.limit_errors import BusyError

__all__ = ["ASYNC_JOBS", "Admission", "AdmissionLimits", "AsyncJobs", "Slot", "Ticket", "Turn"]

ASYNC_JOBS: Final = 1000
"""Jobs on the event loop of one worker, streams included: they wait, but they hold memory and a
connection each."""

_WEIGHT: Final = 0.2
"""Of the latest service time in the moving average."""

_FIRST_GUESS_SECONDS: Final = 1.0
_LONGEST_RETRY_SECONDS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionLimits:
    """At most `running` jobs run, and `waiting` more wait, each `wait_seconds` at most."""

    running: int = 1
    waiting: int = 64
    wait_seconds: float = 30.0


class Admission:
    """The slots of a worker and the queue for them; thread-safe, and never blocks.

    `clock` counts seconds.
    """

    def __init__(
        self,
        limits: AdmissionLimits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.on_change: Callable[[int, int], object] = lambda running, waiting: None
        """Told, with the lock held, how many run and wait after each change."""
        self.limits: AdmissionLimits = AdmissionLimits() if limits is None else limits
        self.clock: Callable[[], float] = clock
        self._lock = threading.Lock()
        self._held: set[Slot] = set()
        self._queue: deque[Ticket] = deque()
        self._service_seconds: float | None = None

    @property
    def running(self) -> int:
        """How many jobs hold a slot."""
        return len(self._held)

    @property
    def waiting(self) -> int:
        """How many jobs wait for one."""
        return len(self._queue)

    @property
    def service_seconds(self) -> float:
        """How long a job held its slot lately: a moving average that favours the latest."""
        return _FIRST_GUESS_SECONDS if self._service_seconds is None else self._service_seconds

    def enter(self, turn: Turn) -> Ticket:
        """Asks for a slot: `turn` gets it, now or later, in the thread that gives it.

        Raises `BusyError` when as many wait as may.
        """
        ticket = Ticket(self, turn, self.clock())
        with self._lock:
            slot = None
            if len(self._held) < self.limits.running and not self._queue:
                slot = self._grant(ticket)
            elif len(self._queue) >= self.limits.waiting:
                raise self._full()
            else:
                self._queue.append(ticket)
            self._changed()
        if slot is not None and not turn(slot):
            slot.decline()
        return ticket

    def retry_after(self) -> int:
        """In how many seconds the queue will have been served, at the pace of late."""
        with self._lock:
            return self._retry_after()

    def overdue(self) -> BusyError:
        """Why a job that has waited as long as it may is sent away."""
        return BusyError(
            f"The request has waited {self.limits.wait_seconds:g} s for the model, which is busy; "
            "try again later, or start the server with more workers or a higher --max-wait.",
            retry_after=self.retry_after(),
        )

    def _full(self) -> BusyError:
        return BusyError(
            f"{self.limits.waiting} requests wait for the model already; try again in a moment, "
            "or start the server with more workers.",
            retry_after=self._retry_after(),
        )

    def _retry_after(self) -> int:
        now = self.clock()
        mean = self.service_seconds
        oldest = max((now - slot.since for slot in self._held), default=0.0)
        seconds = max(mean, oldest) + mean * len(self._queue) / self.limits.running
        return min(_LONGEST_RETRY_SECONDS, max(1, math.ceil(seconds)))

    def _changed(self) -> None:
        self.on_change(len(self._held), len(self._queue))

    def _grant(self, ticket: Ticket) -> Slot:
        """With the lock held."""
        ticket.waiting = False
        slot = Slot(self, self.clock())
        self._held.add(slot)
        return slot

    def _withdraw(self, ticket: Ticket) -> bool:
        with self._lock:
            if not ticket.waiting:
                return False
            ticket.waiting = False
            self._queue.remove(ticket)
            self._changed()
            return True

    def _give_back(self, slot: Slot, *, served: bool) -> None:
        with self._lock:
            if slot not in self._held:
                return
            self._held.remove(slot)
            self._changed()
            if served:
                seconds = self.clock() - slot.since
                mean = self._service_seconds
                self._service_seconds = (
                    seconds if mean is None else mean + _WEIGHT * (seconds - mean)
                )
        if served:
            self._pass_on()

    def _pass_on(self) -> None:
        """Gives free slots to those who wait; one that declines makes way for the next."""
        while True:
            with self._lock:
                if not self._queue or len(self._held) >= self.limits.running:
                    return
                ticket = self._queue.popleft()
                slot = self._grant(ticket)
                self._changed()
            if not ticket.turn(slot):
                self._give_back(slot, served=False)


class Slot:
    """The right to run one job, from `since` on."""

    __slots__ = ("_admission", "since")

    def __init__(self, admission: Admission, since: float) -> None:
        self._admission = admission
        self.since: float = since

    def release(self) -> None:
        """The job has ended; safe to repeat, from any thread."""
        self._admission._give_back(self, served=True)

    def decline(self) -> None:
        """There was no job after all: the slot says nothing about how long one takes."""
        self._admission._give_back(self, served=False)
        self._admission._pass_on()


Turn: TypeAlias = Callable[[Slot], bool]
"""Called once, when a job's turn has come: false when there is nothing to do any more, and the
slot is for the next. Never raises, never blocks."""


class Ticket:
    """A place in the queue. `waiting` until its turn has come, or it is withdrawn."""

    __slots__ = ("_admission", "since", "turn", "waiting")

    def __init__(self, admission: Admission, turn: Turn, since: float) -> None:
        self._admission = admission
        self.turn: Turn = turn
        self.since: float = since
        self.waiting: bool = True

    def withdraw(self) -> bool:
        """Gives the place up; false when the turn has come already, or it was given up before."""
        return self._admission._withdraw(self)

    def patience(self) -> float:
        """For how many seconds more it may wait; negative when it has waited too long."""
        admission = self._admission
        return self.since + admission.limits.wait_seconds - admission.clock()


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
