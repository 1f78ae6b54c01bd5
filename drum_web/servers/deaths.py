"""Why a worker died: one JSON line in the log, for people and for programs."""

from __future__ import annotations

import json
import logging
import time
from typing import Final

from drum_core.monitoring.memory import out_of_memory_kills
from drum_core.process_end import ended_by, signal_name
from drum_core.scoreboard import Scoreboard

__all__ = ["Deaths"]

_logger = logging.getLogger("drum.server")

QUICK_DEATHS: Final = 5
"""As many deaths in a row for each worker, each soon after the start, are given up on."""


class Deaths:
    """The unexpected ends of workers: told, counted, and bounded.

    A server gives up when workers die again and again, each soon after its start: for each of
    `workers` a number of times, with no worker that lived for `QUICK_SECONDS` between.
    """

    QUICK_SECONDS = 30.0

    def __init__(self, scoreboard: Scoreboard, *, workers: int) -> None:
        self._scoreboard = scoreboard
        self._workers = workers
        self._in_a_row = 0
        self._killed_for_memory = out_of_memory_kills()

    @property
    def too_many(self) -> bool:
        """Whether to give up."""
        return self._in_a_row >= QUICK_DEATHS * self._workers

    @property
    def delay(self) -> float:
        """Seconds to wait before the next worker is started; it grows with each quick death."""
        if not self._in_a_row:
            return 0.0
        return 0.25 * 2.0 ** min((self._in_a_row - 1) // self._workers, QUICK_DEATHS)

    def tell(self, slot: int, code: int | None) -> None:
        """A worker has ended that should not have: with a status, or minus a signal's number."""
        record = self._scoreboard.record(slot)
        uptime = max(0.0, time.time() - record.born) if record.born else 0.0
        self._in_a_row = self._in_a_row + 1 if uptime < self.QUICK_SECONDS else 1
        self._scoreboard.count_death()
        killed, self._killed_for_memory = self._killed_for_memory, out_of_memory_kills()
        known = killed is not None and self._killed_for_memory is not None
        memory = (self._killed_for_memory or 0) - (killed or 0) if known else None
        what = {
            "event": "worker_died",
            "pid": record.pid,
            "ended_by": ended_by(code),
            "signal": signal_name(-code) if code is not None and code < 0 else None,
            "exit_status": code if code is not None and code >= 0 else None,
            "out_of_memory_kills": memory,
            "state": record.state.name.lower(),
            "last_request_id": record.last_request_id or None,
            "running_requests": record.running,
            "answered_requests": record.answered,
            "peak_memory_bytes": record.peak_memory,
            "uptime_seconds": round(uptime, 3),
            "deaths": self._scoreboard.deaths,
        }
        _logger.error("%s", json.dumps(what))
