"""What the processes of one server know of each other: a piece of memory that all of them map.

Each worker has a card on it, which it alone writes, once when its state changes and a little for
each request. Its supervisor reads the card, also when the worker is dead: that is how the cause of
a death can be told. As a black box on an aeroplane, it must not need the worker's cooperation.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from drum_core.tally import TALLY_SIZE, Series, Tally, read_tally
from drum_core.worker_card import CARD_SIZE, Card, CardState, WorkerRecord, read_card

__all__ = ["Card", "CardState", "Place", "Scoreboard", "WorkerRecord"]

_HEADER: Final = struct.Struct("<QQ")
_HEADER_SIZE: Final = 64


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

    @classmethod
    def attach(cls, descriptor: int, slots: int) -> Scoreboard:
        """The scoreboard of another process, which has handed its descriptor over."""
        scoreboard = cls.__new__(cls)
        scoreboard._init(descriptor, slots)
        return scoreboard

    @property
    def descriptor(self) -> int:
        """Of the memory; -1 once it is closed."""
        return self._descriptor

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
        self._memory[offset : offset + CARD_SIZE] = bytes(CARD_SIZE)

    def record(self, slot: int) -> WorkerRecord:
        """What the card in `slot` says now."""
        return read_card(self._memory, self._offset(slot), slot)

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
        return _HEADER_SIZE + slot * CARD_SIZE

    def _tally_offset(self, slot: int) -> int:
        self._offset(slot)
        return _HEADER_SIZE + self.slots * CARD_SIZE + slot * TALLY_SIZE


def _size(slots: int) -> int:
    """Memory that nobody writes on is not there: most of the tallies."""
    return _HEADER_SIZE + slots * (CARD_SIZE + TALLY_SIZE)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker is on the scoreboard; `supervised` if another can be started for it."""

    scoreboard: Scoreboard
    card: Card
    supervised: bool
    slot: int = 0
    hang_seconds: int = 0
    """After so long without a turn for Python, the stacks of all threads are written; 0: never."""

    def leaves_requests_to_others(self) -> bool:
        """Whether this worker should not take requests yet: it loads, and another one serves."""
        if not self.supervised or self.card.state is not CardState.LOADING:
            return False
        serving = (CardState.READY, CardState.RETIRING)
        records = self.scoreboard.records()
        return any(record.state in serving for record in records if record.slot != self.slot)


def _attached(duplicate: object, slots: int) -> Scoreboard:
    """The scoreboard in a process that was started with it."""
    detach: Callable[[], int] = getattr(duplicate, "detach")  # noqa: B009 - DupFd has no type
    return Scoreboard.attach(detach(), slots)


def _anonymous_file(size: int) -> int:
    """A descriptor of memory without a name, which vanishes with its last holder."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("drum-scoreboard")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor
