"""The thread that makes reports, so that no request and no event loop waits for them."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

__all__ = ["Reporter"]

_logger = logging.getLogger(__name__)

_WAITING: Final = 1000
_CLOSE_SECONDS: Final = 5.0


class Reporter:
    """Makes reports one after another, in a thread of its own; whoever makes it closes it.

    A report that fails is logged. When 1000 wait, further ones are left out, which is logged too.
    """

    def __init__(self) -> None:
        self._reports: queue.Queue[Callable[[], None] | None] = queue.Queue(_WAITING)
        self._full = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="drum-reports", daemon=True)
        self._thread.start()

    def submit(self, report: Callable[[], None]) -> None:
        """Has the report made as soon as those before it are; never waits."""
        if self._closed:
            _logger.warning("monitoring has ended; a report is left out")
            return
        try:
            self._reports.put_nowait(report)
        except queue.Full:
            if not self._full:
                _logger.warning("%d reports to monitoring wait; leaving out others", _WAITING)
            self._full = True
        else:
            self._full = False

    def close(self) -> None:
        """Makes the reports that wait, within 5 seconds; safe to repeat."""
        until = time.monotonic() + _CLOSE_SECONDS
        if not self._closed:
            self._closed = True
            with suppress(queue.Full):
                self._reports.put(None, timeout=_CLOSE_SECONDS)
        self._thread.join(max(0.0, until - time.monotonic()))
        if self._thread.is_alive():
            _logger.warning(
                "about %d reports to monitoring could not be made in time", self._reports.qsize()
            )

    def _run(self) -> None:
        while (report := self._reports.get()) is not None:
            try:
                report()
            except Exception:  # an answer is worth more than its report
                _logger.exception("a report to monitoring could not be made")
