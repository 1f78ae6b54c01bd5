"""How many bytes of request bodies a worker holds at a time: arriving, waiting and in work."""

from __future__ import annotations

import threading
from collections.abc import Callable

from drum_core.limit_errors import BusyError

__all__ = ["BodyBudget", "Reservation"]


class BodyBudget:
    """A number of bytes that all bodies share; thread-safe.

    A body that is alone is always taken: it has a limit of its own. `retry_after` says in how many
    seconds a body that was refused may fit.
    """

    def __init__(self, limit: int, *, retry_after: Callable[[], int] = lambda: 1) -> None:
        self.limit: int = limit
        self.held: int = 0
        self.retry_after: Callable[[], int] = retry_after
        self._lock = threading.Lock()

    def exchange(self, old: int, new: int) -> bool:
        """Holds `new` bytes instead of `old`, if there is room for them."""
        with self._lock:
            others = self.held - old
            if new > old and others and others + new > self.limit:
                return False
            self.held = others + new
            return True


class Reservation:
    """What one body holds of a budget; given back once, at the latest when it is collected."""

    __slots__ = ("_budget", "_size")

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self._size = 0

    def grow(self, size: int) -> bool:
        """Holds `size` bytes in all; false, and no change, where there is no room."""
        if size <= self._size:
            return True
        if not self._budget.exchange(self._size, size):
            return False
        self._size = size
        return True

    def refusal(self) -> BusyError:
        """Why there is no room."""
        return BusyError(
            f"The bodies of the requests that are being answered, or wait, have the "
            f"{self._budget.limit} bytes that this worker takes at a time. Try again in a moment, "
            "or start the server with a higher --max-bodies-size.",
            retry_after=self._budget.retry_after(),
        )

    def release(self) -> None:
        """Gives all of it back; safe to repeat."""
        size, self._size = self._size, 0
        if size:
            self._budget.exchange(size, 0)

    def __del__(self) -> None:
        self.release()
