"""What the cards of a server's workers say to a probe, when nobody asks the workers themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from drum_core.scoreboard import CardState, WorkerRecord

__all__ = ["PROBES", "probe_answer"]

PROBES: Final = ("/", "/ping", "/health", "/livez", "/readyz", "/startupz")
_MODEL_FAILED: Final = 513
_NO_WORKER: Final = "no worker has started yet"
_USABLE: Final = (CardState.READY, CardState.RETIRING)
_ORDER: Final = (
    CardState.READY,
    CardState.RETIRING,
    CardState.DRAINING,
    CardState.LOADING,
    CardState.FAILED,
    CardState.FREE,
)
"""The best state of a worker is that of the server."""


def probe_answer(
    path: str, records: Sequence[WorkerRecord], *, now: float, hang_seconds: int, verbose: bool
) -> tuple[int, Mapping[str, object]]:
    """Status and JSON of one of `PROBES`; `now` is on the monotonic clock.

    The server is ready while one of its workers is. It lives while Python runs in one of them, or
    may again: a worker that loads its model, or is about to be started, is not held for dead.
    """
    limit = hang_seconds or math.inf
    reasons = [_reason(record, now, limit) for record in records]
    status, reason = _judged(path, records, reasons, now, limit)
    message = "OK" if reason is None else f"ERROR: {reason[:1].upper()}{reason[1:]}."
    if not verbose:
        return status, {"message": message}
    best = min(records, key=lambda record: _ORDER.index(record.state), default=None)
    workers = [_told(record, why, now) for record, why in zip(records, reasons, strict=True)]
    return status, {
        "message": message,
        "state": "starting" if best is None else best.state.name.lower(),
        "since": None if best is None else _time(best.since),
        "reason": reason or next(filter(None, reasons), None),
        "workers": workers,
    }


def _judged(
    path: str,
    records: Sequence[WorkerRecord],
    reasons: Sequence[str | None],
    now: float,
    limit: float,
) -> tuple[int, str | None]:
    """The status, and why it is not 200."""
    first = next(filter(None, reasons), None) or _NO_WORKER
    if path == "/livez":
        dead = bool(records) and all(_is_stuck(record, now, limit) for record in records)
        return (HTTPStatus.SERVICE_UNAVAILABLE, first) if dead else (HTTPStatus.OK, None)
    if path in ("/readyz", "/health"):
        good = any(reason is None for reason in reasons)
    else:
        there = (*_USABLE, CardState.DRAINING)
        good = any(record.state in there for record in records)
    if good:
        return HTTPStatus.OK, None
    failed = bool(records) and all(record.state is CardState.FAILED for record in records)
    if failed and path not in ("/readyz", "/startupz"):
        return _MODEL_FAILED, first
    return HTTPStatus.SERVICE_UNAVAILABLE, first


def _reason(record: WorkerRecord, now: float, limit: float) -> str | None:
    """Why no requests should come to a worker; `None` while they should."""
    if _is_stuck(record, now, limit):
        return f"Python has not run for {now - record.beat:.0f} s in the worker {record.pid}"
    match record.state:
        case CardState.LOADING | CardState.FREE:
            return f"the worker {record.pid} is loading the model"
        case CardState.FAILED:
            return f"the model failed to load in the worker {record.pid}; the log says why"
        case CardState.DRAINING:
            return f"the worker {record.pid} is ending"
        case CardState.READY | CardState.RETIRING:
            if record.paused:
                return f"the process of the model is being started anew in the worker {record.pid}"
            if record.hangs:
                jobs = "job runs" if record.overdue == 1 else "jobs run"
                return (
                    f"{record.overdue} {jobs} on after the deadline in the worker {record.pid}; "
                    "the log shows where"
                )
            return None


def _is_stuck(record: WorkerRecord, now: float, limit: float) -> bool:
    """A load may hold the interpreter for as long as it needs."""
    loading = record.state in (CardState.FREE, CardState.LOADING)
    return not loading and record.beat > 0 and now - record.beat > limit


def _told(record: WorkerRecord, reason: str | None, now: float) -> Mapping[str, object]:
    return {
        "pid": record.pid,
        "state": record.state.name.lower(),
        "since": _time(record.since),
        "reason": reason,
        "requests": record.running,
        "overdue": record.overdue,
        "last_run_seconds_ago": round(max(0.0, now - record.beat), 1) if record.beat else None,
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
