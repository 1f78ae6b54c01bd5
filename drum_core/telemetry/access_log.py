"""One line of the log for each request, probes aside, the same on every server."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

from drum_core.messages import Request, RoutePolicy
from drum_core.request_record import RequestRecord, current_record

__all__ = ["ACCESS_LOGGER", "FIELDS", "AccessLog", "log_unrouted", "of_no_interest"]

ACCESS_LOGGER: Final = "drum.access"
"""The access log is on when this logger takes records of the level info."""

FIELDS: Final = ("method", "path", "route", "status", "duration_ms", "rows")
"""What a record of the access log has besides what every record has, as attributes."""

_logger = logging.getLogger(ACCESS_LOGGER)


def of_no_interest(name: str, policy: RoutePolicy) -> bool:
    """Whether a route is asked by machines all the time: probes, and the metrics."""
    return policy is RoutePolicy.PROBE or name == "metrics"


class AccessLog:
    """A watch that logs requests when they have ended. `routes` are paths by the name of a route.

    The query is not logged, since it may hold secrets, nor is anything of the body.
    """

    def __init__(self, routes: Mapping[str, str]) -> None:
        self._routes = routes

    def watch(self, name: str, policy: RoutePolicy, request: Request) -> Callable[[int], None]:
        """A `Watch`."""
        record = current_record.get()
        if record is None or of_no_interest(name, policy):
            return lambda status: None
        route = self._routes.get(name, name)

        def ended(status: int) -> None:
            seconds = time.monotonic() - record.began
            _log(request.method, request.path, status, record, route=route, seconds=seconds)

        return ended


def log_unrouted(method: str, path: str, status: int, request_id: str) -> None:
    """For a request that no route has answered: there is none, or not for its method."""
    if _logger.isEnabledFor(logging.INFO):
        _log(method, path, status, RequestRecord(request_id, 0.0))


def _log(
    method: str,
    path: str,
    status: int,
    record: RequestRecord,
    *,
    route: str | None = None,
    seconds: float | None = None,
) -> None:
    shown = quote(path, safe="/:@!$&'()*+,;=~")  # a path may be anything, also another line
    text = f"{method} {shown} {status}"
    if seconds is not None:
        text += f" in {seconds * 1000:.1f} ms"
    if record.rows is not None:
        text += f", {record.rows} rows"
    milliseconds = None if seconds is None else round(seconds * 1000, 3)
    values = (method, shown, route, status, milliseconds, record.rows)
    extra: dict[str, object] = dict(zip(FIELDS, values, strict=True))
    # It may end in another thread, whose context is not that of the request.
    token = current_record.set(record)
    try:
        _logger.info("%s", text, extra=extra)
    finally:
        current_record.reset(token)
