"""How long predictions took, in all workers since the server started; reading changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from drum_core.tally import Series, Tally

__all__ = ["Stats"]

_EMPTY: Final[dict[str, float | None]] = dict.fromkeys(("avg", "max", "min", "total"))
_SUMS: Final[Series] = ("stats.predict", ())
"""A row of two: how many there were, and their seconds."""
_LEAST: Final[Series] = ("stats.predict.least", ())
_MOST: Final[Series] = ("stats.predict.most", ())


class Stats:
    """Prediction times, in seconds; thread-safe. Collects nothing unless `enabled`.

    This worker writes to `tally`; `tallies` are those of all workers, this one among them.
    """

    def __init__(
        self,
        tally: Tally,
        tallies: Callable[[], Sequence[Mapping[Series, list[float]]]],
        *,
        enabled: bool,
    ) -> None:
        self._enabled = enabled
        self._tally = tally
        self._tallies = tallies
        self._lock = threading.Lock()
        self._least = (tally.get(_LEAST) or [float("inf")])[0]
        self._most = (tally.get(_MOST) or [0.0])[0]

    def predicted(self, seconds: float) -> None:
        """Counts one prediction."""
        if not self._enabled:
            return
        with self._lock:
            if seconds < self._least:
                self._least = seconds
                self._tally.put(_LEAST, seconds)
            if seconds > self._most:
                self._most = seconds
                self._tally.put(_MOST, seconds)
            self._tally.add(_SUMS, ((0, 1.0), (1, seconds)), 2)

    def times(self) -> dict[str, float | None]:
        """`avg`, `max`, `min` and `total`, rounded to milliseconds; nulls when there is nothing."""
        found = [tally for tally in self._tallies() if tally.get(_SUMS, [0.0])[0]]
        if not found:
            return dict(_EMPTY)
        count = sum(tally[_SUMS][0] for tally in found)
        total = sum(tally[_SUMS][1] for tally in found)
        times = {
            "avg": total / count,
            "max": max(tally[_MOST][0] for tally in found),
            "min": min(tally[_LEAST][0] for tally in found),
            "total": total,
        }
        return {name: round(seconds, 3) for name, seconds in times.items()}
