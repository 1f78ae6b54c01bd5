"""What the processes of one server know of each other: a piece of memory that all of them map.

Each worker has a card on it, which it alone writes, once when its state changes and a little for
each request. Its supervisor reads the card, also when the worker is dead: that is how the cause of
a death can be told. As a black box on an aeroplane, it must not need the worker's cooperation.
"""

from __future__ import annotations

import contextlib
import enum
import mmap
import os
import resource
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from drum_core.tally import TALLY_SIZE, Series, Tally, read_tally

__all__ = ["Card", "CardState", "Place", "Scoreboard", "WorkerRecord"]

_HEADER: Final = struct.Struct("<QQ")
_LIFE: Final = struct.Struct("<IB3xd")
"""The first part of a card: pid, state, time of birth."""
_WORK: Final = struct.Struct("<iiQQd128s")
"""The rest: running, overdue, answered, peak memory, time and id of the last request."""
_HEADER_SIZE: Final = 64
_RECORD_SIZE: Final = 256
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

    `answered` counts requests, `overdue` those whose deadline has passed and that go on.
    """

    slot: int
    pid: int
    state: CardState
    running: int
    overdue: int
    answered: int
    peak_memory: int
    born: float
    last_request_at: float
    last_request_id: str


class Scoreboard:
    """The cards of all workers of a server, and counts that outlive a worker.

    Crosses `fork`, and `spawn` as an argument of the new process. Closed by the process that made
    it and by each one it was handed to; what is left of it is gone with the last of them.
    """

    def __init__(self, slots: int) -> None:
        """Room for `slots` workers at a time."""
        self._init(_anonymous_file(_size(slots)), slots)

    def _init(self, descriptor: int, slots: int) -> None:
        self.slots: int = slots
        self._descriptor = descriptor
        self._memory = mmap.mmap(descriptor, _size(slots))

    def __reduce__(self) -> tuple[Callable[..., Scoreboard], tuple[object, int]]:
        from multiprocessing.reduction import DupFd

        return _attached, (DupFd(self._descriptor), self.slots)

    @property
    def deaths(self) -> int:
        """How many workers have ended unexpectedly."""
        return self._counts()[0]

    @property
    def replaced(self) -> int:
        """How many workers have been replaced because they asked for it."""
        return self._counts()[1]

    def count_death(self) -> None:
        """For the supervisor alone: one more worker has ended unexpectedly."""
        deaths, replaced = self._counts()
        _HEADER.pack_into(self._memory, 0, deaths + 1, replaced)

    def count_replaced(self) -> None:
        """For the supervisor alone: one more worker has been replaced as it asked."""
        deaths, replaced = self._counts()
        _HEADER.pack_into(self._memory, 0, deaths, replaced + 1)

    def card(self, slot: int) -> Card:
        """The card that the worker in `slot` writes."""
        return Card(self._memory, self._offset(slot))

    def clear(self, slot: int) -> None:
        """Frees a card whose worker has ended."""
        offset = self._offset(slot)
        self._memory[offset : offset + _RECORD_SIZE] = bytes(_RECORD_SIZE)

    def record(self, slot: int) -> WorkerRecord:
        """What the card in `slot` says now."""
        offset = self._offset(slot)
        pid, state, born = _LIFE.unpack_from(self._memory, offset)
        work = _WORK.unpack_from(self._memory, offset + _LIFE.size)
        running, overdue, answered, peak, last, name = work
        return WorkerRecord(
            slot=slot,
            pid=pid,
            state=CardState(state),
            running=running,
            overdue=overdue,
            answered=answered,
            peak_memory=peak,
            born=born,
            last_request_at=last,
            last_request_id=name.rstrip(b"\0").decode("ascii", "replace"),
        )

    def records(self) -> list[WorkerRecord]:
        """The cards that are taken."""
        records = map(self.record, range(self.slots))
        return [record for record in records if record.state is not CardState.FREE]

    def tally(self, slot: int) -> Tally:
        """What the worker in `slot` counts on, from where the one before it has ended."""
        return Tally(self._memory, self._tally_offset(slot))

    def tallies(self) -> list[dict[Series, list[float]]]:
        """What has been counted in each slot, by all workers that it has had."""
        offsets = map(self._tally_offset, range(self.slots))
        return [read_tally(self._memory, offset) for offset in offsets]

    def close(self) -> None:
        """Unmaps the memory; safe to repeat."""
        self._memory.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _counts(self) -> tuple[int, int]:
        deaths, replaced = _HEADER.unpack_from(self._memory, 0)
        return deaths, replaced

    def _offset(self, slot: int) -> int:
        if not 0 <= slot < self.slots:
            raise IndexError(f"slot {slot} of {self.slots}")
        return _HEADER_SIZE + slot * _RECORD_SIZE

    def _tally_offset(self, slot: int) -> int:
        self._offset(slot)
        return _HEADER_SIZE + self.slots * _RECORD_SIZE + slot * TALLY_SIZE


def _size(slots: int) -> int:
    """Memory that nobody writes on is not there: most of the tallies."""
    return _HEADER_SIZE + slots * (_RECORD_SIZE + TALLY_SIZE)


class Card:
    """What one worker writes of itself; thread-safe within it."""

    def __init__(self, memory: mmap.mmap, offset: int) -> None:
        self._memory = memory
        self._offset = offset
        self._lock = threading.Lock()
        self._state = CardState.FREE
        self._running = 0
        self._overdue = 0
        self._answered = 0
        self._born = 0.0
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
            self._born = time.time()
            self._state = CardState.LOADING
            self._write()

    def turn(self, state: CardState) -> None:
        """Writes a new state. A worker that retires or drains never turns ready again."""
        with self._lock:
            if state >= self._state or state is CardState.DRAINING:
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

    def overdue(self, change: int) -> None:
        """So many more, or fewer, jobs go on although their deadline has passed."""
        with self._lock:
            self._overdue += change
            self._write()

    def _write(self) -> None:
        """All of it; the process may have been forked since the last time."""
        self._peak = _peak_memory()
        with contextlib.suppress(*_CLOSED):
            _LIFE.pack_into(self._memory, self._offset, os.getpid(), int(self._state), self._born)
            self._write_request()

    def _write_request(self) -> None:
        with contextlib.suppress(*_CLOSED):
            _WORK.pack_into(
                self._memory,
                self._offset + _LIFE.size,
                self._running,
                self._overdue,
                self._answered,
                self._peak,
                self._last_at,
                self._last_id,
            )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker is on the scoreboard; `supervised` if another can be started for it."""

    scoreboard: Scoreboard
    card: Card
    supervised: bool
    slot: int = 0


def _attached(duplicate: object, slots: int) -> Scoreboard:
    """The scoreboard in a process that was started with it."""
    detach: Callable[[], int] = getattr(duplicate, "detach")  # noqa: B009 - DupFd has no type
    scoreboard = Scoreboard.__new__(Scoreboard)
    scoreboard._init(detach(), slots)
    return scoreboard


def _anonymous_file(size: int) -> int:
    """A descriptor of memory without a name, which vanishes with its last holder."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("drum-scoreboard")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor


def _peak_memory() -> int:
    """The largest resident size that this process has had, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
