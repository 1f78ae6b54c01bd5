"""The card of one worker: what it writes of itself, and others read, also when it is dead."""

from __future__ import annotations

import contextlib
import enum
import mmap
import os
import resource
import struct
import sys
import threading
import time
from dataclasses import dataclass
from typing import Final

__all__ = ["CARD_SIZE", "Card", "CardState", "WorkerRecord", "read_card"]

CARD_SIZE: Final = 256
"""Bytes of a card, with some to spare."""

_LIFE: Final = struct.Struct("<IBB2xdd")
"""The first part of a card: pid, state, a pause, times of birth and of the state's beginning."""
_WORK: Final = struct.Struct("<iiiQQd128s")
"""Running, overdue, how many may be, answered, peak memory, time and id of the last request."""
_BEAT: Final = struct.Struct("<d")
"""The monotonic time at which a thread of the worker ran last: one clock for all processes."""
_WORK_AT: Final = _LIFE.size
_BEAT_AT: Final = _LIFE.size + _WORK.size
_ID_SIZE: Final = 128
_CLOSED: Final = (TypeError, ValueError)
"""What writing on a closed scoreboard raises: the process is ending."""
_LOOKS_EVERY: Final = 64
"""Requests after which a worker looks at its own memory: that takes as long as a small answer."""


class CardState(enum.IntEnum):
    """Where a worker is in its life."""

    FREE = 0
    """No worker has this card."""
    LOADING = 1
    READY = 2
    FAILED = 3
    DRAINING = 4
    RETIRING = 5
    """It works still, and asks to be replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRecord:
    """What a card says. Times are in seconds since the epoch, memory in bytes.

    `running` and `answered` count requests, those that wait among them; `overdue` counts jobs
    whose deadline has passed and that go on, and `overdue_limit` is how many are too many, 0
    while there have been none. `paused` says that the process of the model is
    away. `beat` is on the monotonic clock, 0 where the worker has no heartbeat; `since` is when
    the state began.
    """

    slot: int
    pid: int
    state: CardState
    since: float
    paused: bool
    running: int
    overdue: int
    overdue_limit: int
    answered: int
    peak_memory: int
    born: float
    last_request_at: float
    last_request_id: str
    beat: float

    @property
    def hangs(self) -> bool:
        """Whether so many jobs outlive their time that no more should come."""
        return 0 < self.overdue_limit <= self.overdue


class Card:
    """What one worker writes of itself; thread-safe within it."""

    def __init__(self, memory: mmap.mmap, offset: int) -> None:
        self._memory = memory
        self._offset = offset
        self._lock = threading.Lock()
        self._state = CardState.FREE
        self._running = 0
        self._overdue = 0
        self._overdue_limit = 0
        self._answered = 0
        self._paused = False
        self._born = 0.0
        self._since = 0.0
        self._last_at = 0.0
        self._last_id = b""
        self._peak = 0

    @property
    def state(self) -> CardState:
        """The state that was written last."""
        return self._state

    @property
    def answered(self) -> int:
        """How many requests this worker has answered."""
        return self._answered

    def take(self) -> None:
        """The worker is here, and loads its model."""
        with self._lock:
            self._born = self._since = time.time()
            self._state = max(self._state, CardState.LOADING)  # it may have failed before it starts
            self._write()

    def turn(self, state: CardState) -> None:
        """Writes a new state. A worker that retires or drains never turns ready again."""
        with self._lock:
            if self._state is CardState.DRAINING:
                return
            if state >= self._state or state is CardState.DRAINING:
                self._since = time.time() if state is not self._state else self._since
                self._state = state
                self._write()

    def began(self, request_id: str) -> None:
        """A request has come; `request_id` is ASCII."""
        with self._lock:
            self._running += 1
            self._last_at = time.time()
            self._last_id = request_id.encode("ascii", "replace")[:_ID_SIZE]
            self._write_request()

    def ended(self) -> None:
        """A request has been answered."""
        with self._lock:
            self._running -= 1
            self._answered += 1
            if self._answered % _LOOKS_EVERY == 1:
                self._peak = _peak_memory()
            self._write_request()

    def overdue(self, count: int, limit: int) -> None:
        """So many jobs go on although their deadline has passed; `limit` of them are too many."""
        with self._lock:
            self._overdue, self._overdue_limit = count, limit
            self._write()

    def pause(self, paused: bool) -> None:
        """The process of the model is away, or there again."""
        with self._lock:
            self._paused = paused
            self._write()

    def beat(self) -> None:
        """A thread of the worker has just run."""
        with contextlib.suppress(*_CLOSED):
            _BEAT.pack_into(self._memory, self._offset + _BEAT_AT, time.monotonic())

    def _write(self) -> None:
        """All of it; the process may have been forked since the last time."""
        self._peak = _peak_memory()
        with contextlib.suppress(*_CLOSED):
            life = (os.getpid(), int(self._state), self._paused, self._born, self._since)
            _LIFE.pack_into(self._memory, self._offset, *life)
            self._write_request()

    def _write_request(self) -> None:
        with contextlib.suppress(*_CLOSED):
            _WORK.pack_into(
                self._memory,
                self._offset + _WORK_AT,
                self._running,
                self._overdue,
                self._overdue_limit,
                self._answered,
                self._peak,
                self._last_at,
                self._last_id,
            )


def read_card(memory: mmap.mmap, offset: int, slot: int) -> WorkerRecord:
    """What the card at `offset` says now."""
    pid, state, paused, born, since = _LIFE.unpack_from(memory, offset)
    running, overdue, limit, answered, peak, last, name = _WORK.unpack_from(
        memory, offset + _WORK_AT
    )
    (beat,) = _BEAT.unpack_from(memory, offset + _BEAT_AT)
    return WorkerRecord(
        slot=slot,
        pid=pid,
        state=CardState(state),
        since=since,
        paused=bool(paused),
        running=running,
        overdue=overdue,
        overdue_limit=limit,
        answered=answered,
        peak_memory=peak,
        born=born,
        last_request_at=last,
        last_request_id=name.rstrip(b"\0").decode("ascii", "replace"),
        beat=beat,
    )


def _peak_memory() -> int:
    """The largest resident size that this process has had, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
