"""A request body: read once, counted while it arrives, in a temporary file when large."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Final

from drum_core.body_budget import BodyBudget, Reservation
from drum_core.errors import DrumError
from drum_core.limit_errors import BodyTooLargeError, SlowBodyError, SpoolError

__all__ = ["SPOOL_BYTES", "Body", "BodyRules", "BodyWriter"]

SPOOL_BYTES: Final = 16 * 1024 * 1024
"""Bodies up to this many bytes stay in memory; larger ones go to a temporary file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyRules:
    """What a body may be; sizes in bytes, times in seconds, `None` where there is no limit.

    `limit` is for one body, `budget` for all that a worker holds. Over `spool_bytes` a body goes
    to a file in `spool_dir`, the system's folder for such files by default. `idle_seconds` may
    pass without a byte of it, `total_seconds` until its end.
    """

    limit: int | None = None
    budget: BodyBudget | None = None
    spool_bytes: int = SPOOL_BYTES
    spool_dir: str | None = None
    idle_seconds: float | None = None
    total_seconds: float | None = None


_NO_RULES: Final = BodyRules()


class Body:
    """The bytes of a request. Owned, and closed, by whoever answers the request.

    `refusal` says why the body was not read to its end: it is over the limit, came too slowly, or
    there is no room for it. Those bytes that are there are then not the whole. `began` is when its
    request came, in seconds of `time.monotonic`.
    """

    __slots__ = ("_data", "_file", "_reservation", "began", "refusal", "rules", "size")

    def __init__(
        self,
        data: bytes = b"",
        *,
        file: IO[bytes] | None = None,
        refusal: DrumError | None = None,
        rules: BodyRules | None = None,
        reservation: Reservation | None = None,
        began: float | None = None,
    ) -> None:
        self._data = data
        self._file = file
        self._reservation = reservation
        self.size: int = len(data) if file is None else file.tell()
        self.refusal: DrumError | None = refusal
        self.rules: BodyRules = _NO_RULES if rules is None else rules
        self.began: float = time.monotonic() if began is None else began

    @property
    def limit(self) -> int | None:
        """The most bytes it may have, also when it is unpacked."""
        return self.rules.limit

    def read(self) -> bytes:
        """All the bytes, again at each call. Raises `ValueError` after `close`."""
        if self._file is None:
            return self._data
        self._file.seek(0)
        return self._file.read()

    def close(self) -> None:
        """Gives the temporary file, and its share of the budget, back; safe to call again."""
        if self._file is not None:
            self._file.close()
        if self._reservation is not None:
            self._reservation.release()


class BodyWriter:
    """Takes a body as it arrives. A host that gives up before `finish` calls `close`.

    A host reads while `refused` is false, waits no longer than `patience` says for each piece, and
    calls `time_out` when none comes. The core then answers what `refusal` is.
    """

    __slots__ = (
        "_began",
        "_chunks",
        "_clock",
        "_file",
        "_moved",
        "_reservation",
        "_rules",
        "_size",
        "refusal",
    )

    def __init__(
        self,
        rules: BodyRules,
        *,
        declared: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._began = self._moved = clock()
        self._chunks: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._size = 0
        self._reservation = None if rules.budget is None else Reservation(rules.budget)
        self.refusal: DrumError | None = None
        if declared:
            self._fit(declared)

    @property
    def refused(self) -> bool:
        """Whether reading more of the body is of no use."""
        return self.refusal is not None

    def patience(self) -> float | None:
        """For how many seconds the next piece may be waited for; `None` for ever."""
        idle, total = self._rules.idle_seconds, self._rules.total_seconds
        now = self._clock()
        left = [] if idle is None else [self._moved + idle - now]
        if total is not None:
            left.append(self._began + total - now)
        return max(0.0, min(left)) if left else None

    def ends_by(self) -> float | None:
        """When the body must be whole, in seconds of the clock; `None` for never."""
        total = self._rules.total_seconds
        return None if total is None else self._began + total

    def time_out(self, *, whole: bool = False) -> None:
        """The next piece did not come in time, or not the `whole` body: it is refused."""
        idle, total = self._rules.idle_seconds, self._rules.total_seconds
        # A timer may be early by a little, so the nearer end is the one that was meant.
        whole = whole or idle is None or (total is not None and self._ends(total, before=idle))
        if whole and total is not None:
            self.refusal = self.refusal or SlowBodyError(total, idle=False)
        elif idle is not None:
            self.refusal = self.refusal or SlowBodyError(idle, idle=True)

    def write(self, chunk: bytes, /) -> bool:
        """Takes a piece; false when the body is refused, with that piece or as declared."""
        if self.refusal is not None or not self._fit(self._size + len(chunk)):
            return False
        self._size += len(chunk)
        self._moved = self._clock()
        if self._file is None and self._size <= self._rules.spool_bytes:
            self._chunks.append(chunk)
            return True
        try:
            self._spool(chunk)
        except OSError as error:
            self.refusal = SpoolError(error)
            return False
        return True

    def spools(self, size: int, /) -> bool:
        """Whether a body of `size` bytes is written to a file, which may block."""
        return size > self._rules.spool_bytes

    def finish(self) -> Body:
        """The body; the writer is of no use afterwards and needs no `close`."""
        reservation, self._reservation = self._reservation, None
        return Body(
            self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks),
            file=self._file,
            refusal=self.refusal,
            rules=self._rules,
            reservation=reservation,
            began=self._began,
        )

    def close(self) -> None:
        """Throws away what has come."""
        if self._file is not None:
            self._file.close()
        if self._reservation is not None:
            self._reservation.release()

    def _ends(self, total: float, *, before: float) -> bool:
        """Whether the time of the body is over before that of the gap."""
        return self._began + total <= self._moved + before

    def _fit(self, size: int) -> bool:
        """Whether a body of `size` bytes may be had; refuses it otherwise."""
        limit = self._rules.limit
        if limit is not None and size > limit:
            self.refusal = BodyTooLargeError(limit)
        elif self._reservation is not None and not self._reservation.grow(size):
            self.refusal = self._reservation.refusal()
        return self.refusal is None

    def _spool(self, chunk: bytes) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="drum-body-", dir=self._rules.spool_dir)  # noqa: SIM115 - Body closes it
            self._file.writelines(self._chunks)
            self._chunks.clear()
        self._file.write(chunk)
