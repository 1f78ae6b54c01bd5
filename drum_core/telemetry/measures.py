"""Measures requests: one watch, whose numbers go to a tally, to OpenTelemetry, or to both."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from drum_core.errors import NotReadyError
from drum_core.limit_errors import (
    BodyTooLargeError,
    BusyError,
    ClientLeftError,
    DeadlineExceededError,
    SlowBodyError,
    SpoolError,
)
from drum_core.messages import Request, RoutePolicy
from drum_core.request_record import RequestRecord, current_record
from drum_core.security.errors import MisdirectedError, UnauthorizedError
from drum_core.tally import Tally
from drum_core.telemetry.access_log import of_no_interest
from drum_core.telemetry.instruments import (
    BATCH_ROWS,
    GEN_AI_DURATION,
    HTTP_ACTIVE,
    HTTP_BODY_SIZE,
    HTTP_DURATION,
    PREDICT_DURATION,
    QUEUE_WAIT,
    REJECTED,
    ROWS,
    Instrument,
    Kind,
)

__all__ = ["Measures", "Sink", "tally_sink"]

Sink: TypeAlias = Callable[[Instrument, tuple[str, ...], float], None]
"""Takes one measurement: to add to a counter or to a gauge, or one more value of a histogram."""

_REASONS: Final[Mapping[type[Exception], str]] = {
    BusyError: "busy",
    DeadlineExceededError: "deadline",
    BodyTooLargeError: "body_too_large",
    SlowBodyError: "slow_body",
    SpoolError: "no_room",
    ClientLeftError: "client_left",
    NotReadyError: "not_ready",
    UnauthorizedError: "unauthorized",
    MisdirectedError: "misdirected",
}
_CLIENT_LEFT_STATUS: Final = 499


def tally_sink(tally: Tally) -> Sink:
    """Adds to a tally. A histogram has a number for each bound, the rest, and their sum."""
    add = tally.add

    def sink(instrument: Instrument, labels: tuple[str, ...], value: float) -> None:
        if instrument.kind is Kind.HISTOGRAM:
            bounds = instrument.bounds
            changes = ((bisect_left(bounds, value), 1.0), (len(bounds) + 1, value))
            add((instrument.name, labels), changes, len(bounds) + 2)
        else:
            add((instrument.name, labels), ((0, value),))

    return sink


class Measures:
    """A watch that measures every request but probes. `routes` are paths by the name of a route.

    With `gen_ai` the chats are measured as such, too.
    """

    def __init__(
        self, sinks: Iterable[Sink], routes: Mapping[str, str], *, gen_ai: bool = False
    ) -> None:
        self._sinks = tuple(sinks)
        self._routes = routes
        self._gen_ai = gen_ai

    def watch(self, name: str, policy: RoutePolicy, request: Request) -> Callable[[int], None]:
        """A `Watch`."""
        record = current_record.get()
        if record is None or of_no_interest(name, policy):
            return lambda status: None
        # What is no method of a route would make a series for each word that somebody thinks of.
        method = request.method
        route = self._routes.get(name, name)
        size = request.body.size
        self._measure(HTTP_ACTIVE, (method,), 1)

        def ended(status: int) -> None:
            seconds = time.monotonic() - record.began
            labels = (method, route, str(status))
            self._measure(HTTP_ACTIVE, (method,), -1)
            self._measure(HTTP_DURATION, labels, seconds)
            if method == "POST":
                self._measure(HTTP_BODY_SIZE, labels, size)
            self._measure_work(record, status)
            if self._gen_ai and name == "chat":
                failed = str(status) if status >= 400 else ""
                self._measure(GEN_AI_DURATION, ("chat", failed), seconds)

        return ended

    def _measure_work(self, record: RequestRecord, status: int) -> None:
        for stage, seconds in tuple(record.stages.items()):
            if stage == "queue":
                self._measure(QUEUE_WAIT, (), seconds)
            else:
                self._measure(PREDICT_DURATION, (stage,), seconds)
        if record.rows is not None:
            self._measure(BATCH_ROWS, (), record.rows)
            self._measure(ROWS, (), record.rows)
        reason = _reason(record.error) if status != _CLIENT_LEFT_STATUS else "client_left"
        if reason:
            self._measure(REJECTED, (reason,), 1)

    def _measure(self, instrument: Instrument, labels: tuple[str, ...], value: float) -> None:
        for sink in self._sinks:
            sink(instrument, labels, value)


def _reason(error: BaseException | None) -> str:
    """In one word why a request was not served, where that was not its own fault or the model's."""
    if error is None:
        return ""
    return next((word for kind, word in _REASONS.items() if isinstance(error, kind)), "")
