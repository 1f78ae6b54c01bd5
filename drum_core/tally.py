"""Numbers that a worker counts in memory which the other workers of its server can read.

They belong to the place of the worker and not to the worker: the next one in the place goes on
from them, so that the sum over all places never goes back, also when a worker is killed, and does
not grow with the number of workers there have been. (The multi-process mode of prometheus_client
keeps files for each process that there has ever been, see its issues 275 and 568, and has to be
told by a variable before it is imported.)
"""

from __future__ import annotations

import json
import mmap
import struct
import threading
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

__all__ = ["TALLY_SIZE", "Series", "Tally", "read_tally"]

TALLY_SIZE: Final = 128 * 1024
"""Bytes of the memory of one tally: a few hundred series."""

Series: TypeAlias = "tuple[str, tuple[str, ...]]"
"""What is counted: a name, and the values of its labels."""

_HEAD: Final = struct.Struct("@QQ")
"""Bytes that are used, this head included; series for which there was no room."""
_ENTRY: Final = struct.Struct("@II")
"""Bytes of the key, and how many numbers follow it."""
_NUMBER: Final = struct.Struct("@d")
"""In the machine's own form, which is written and read as one: no number is ever seen half."""
_ALIGN: Final = 8
_FULL: Final = -1


class Tally:
    """What one process counts; thread-safe within it. `memory` has `TALLY_SIZE` bytes at `offset`.

    Numbers are in rows, one for each series. What was counted there before, is gone on from.
    """

    def __init__(self, memory: mmap.mmap | bytearray, offset: int = 0) -> None:
        self._memory = memory
        self._offset = offset
        self._lock = threading.Lock()
        self._places: dict[Series, int] = {}
        self._numbers: dict[Series, list[float]] = {}
        used, _ = _HEAD.unpack_from(memory, offset)
        self._used = used or _HEAD.size
        for series, place, numbers in _entries(memory, offset):
            self._places[series] = place
            self._numbers[series] = numbers

    def add(self, series: Series, changes: Sequence[tuple[int, float]], width: int = 1) -> None:
        """Adds to numbers of a row of `width`, each given by its index."""
        with self._lock:
            numbers = self._row(series, width)
            place = self._places[series]
            for index, change in changes:
                numbers[index] += change
                self._write(place, index, numbers[index])

    def put(self, series: Series, number: float) -> None:
        """Replaces the number of a row of one."""
        with self._lock:
            numbers = self._row(series, 1)
            numbers[0] = number
            self._write(self._places[series], 0, number)

    def get(self, series: Series) -> list[float] | None:
        """The row of a series, where it is there."""
        with self._lock:
            numbers = self._numbers.get(series)
            return None if numbers is None else list(numbers)

    def forget(self, names: frozenset[str]) -> None:
        """Turns to zero what these series say: it was true of a process that is gone."""
        with self._lock:
            for series, numbers in self._numbers.items():
                if series[0] in names:
                    for index in range(len(numbers)):
                        numbers[index] = 0.0
                        self._write(self._places[series], index, 0.0)

    def _row(self, series: Series, width: int) -> list[float]:
        numbers = self._numbers.get(series)
        if numbers is None:
            numbers = self._numbers[series] = [0.0] * width
            self._places[series] = self._make(series, width)
        return numbers

    def _make(self, series: Series, width: int) -> int:
        """Writes an entry of zeros, then that it is there: a kill between leaves nothing."""
        key = json.dumps(series).encode()
        size = _ENTRY.size + _padded(len(key)) + width * _NUMBER.size
        start = self._used
        try:
            if start + size > TALLY_SIZE:
                _, dropped = _HEAD.unpack_from(self._memory, self._offset)
                _HEAD.pack_into(self._memory, self._offset, start, dropped + 1)
                return _FULL
            at = self._offset + start
            self._memory[at : at + size] = bytes(size)
            _ENTRY.pack_into(self._memory, at, len(key), width)
            self._memory[at + _ENTRY.size : at + _ENTRY.size + len(key)] = key
            self._used = start + size
            _, dropped = _HEAD.unpack_from(self._memory, self._offset)
            _HEAD.pack_into(self._memory, self._offset, self._used, dropped)
        except (TypeError, ValueError):  # it is closed: the process is ending
            return _FULL
        return at + size - width * _NUMBER.size

    def _write(self, place: int, index: int, number: float) -> None:
        if place == _FULL:
            return
        try:
            _NUMBER.pack_into(self._memory, place + index * _NUMBER.size, number)
        except (TypeError, ValueError):
            self._places = dict.fromkeys(self._places, _FULL)


def read_tally(memory: mmap.mmap | bytearray, offset: int = 0) -> dict[Series, list[float]]:
    """What is in the memory of a tally, whoever writes it."""
    return {series: numbers for series, _, numbers in _entries(memory, offset)}


def _entries(
    memory: mmap.mmap | bytearray, offset: int
) -> Iterator[tuple[Series, int, list[float]]]:
    used, _ = _HEAD.unpack_from(memory, offset)
    at, end = offset + _HEAD.size, offset + used
    while at < end:
        length, width = _ENTRY.unpack_from(memory, at)
        name, labels = json.loads(memory[at + _ENTRY.size : at + _ENTRY.size + length])
        place = at + _ENTRY.size + _padded(length)
        numbers = list(struct.unpack_from(f"@{width}d", memory, place))
        yield (name, tuple(labels)), place, numbers
        at = place + width * _NUMBER.size


def _padded(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN
