"""How long predictions took, since the worker started; reading it changes nothing."""

from __future__ import annotations

import threading
from typing import Final

__all__ = ["Stats"]

_EMPTY: Final[dict[str, float | None]] = dict.fromkeys(("avg", "max", "min", "total"))


class Stats:
    """Prediction times, in seconds; thread-safe. Collects nothing unless `enabled`."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._lock = threading.Lock()
        self._count = 0
        self._total = 0.0
        self._least = float("inf")
        self._most = 0.0

    @property
    def enabled(self) -> bool:
        """Whether anything is collected."""
        return self._enabled

    def predicted(self, seconds: float) -> None:
        """Counts one prediction."""
        if not self._enabled:
            return
        with self._lock:
            self._count += 1
            self._total += seconds
            self._least = min(self._least, seconds)
            self._most = max(self._most, seconds)

    def times(self) -> dict[str, float | None]:
        """`avg`, `max`, `min` and `total`, rounded to milliseconds; nulls when there is nothing."""
        with self._lock:
            if not self._count:
                return dict(_EMPTY)
            found = {
                "avg": self._total / self._count,
                "max": self._most,
                "min": self._least,
                "total": self._total,
            }
        return {name: round(seconds, 3) for name, seconds in found.items()}
