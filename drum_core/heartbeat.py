"""Shows others that Python runs in this process, and tells where it is when it does not.

Where a C extension keeps the interpreter to itself, or all threads wait for each other in native
code, nothing written in Python can say so any more. So a thread says it as long as it can; its
silence is what tells, and a timer in C, which it winds up each time, writes the stacks.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
from typing import Final

from drum_core.worker_card import Card

__all__ = ["DUMP_SIGNAL", "Heartbeat"]

BEAT_SECONDS: Final = 1.0
DUMP_SIGNAL: Final = signal.SIGUSR2
"""Has a worker write the stacks of its threads. SIGUSR1 has gunicorn's workers open their logs."""


class Heartbeat:
    """Writes the time onto the card of this process each second, in a thread.

    When it could not for `hang_seconds`, `faulthandler` writes the stacks of all threads to
    standard error, once for each hang; 0 for never. It does so too on `DUMP_SIGNAL`. Stacks are
    files, lines and names of functions, never values.
    """

    def __init__(self, card: Card, *, hang_seconds: int = 0) -> None:
        self._card = card
        self._errors = _standard_error()
        self._hang_seconds = hang_seconds if self._errors is not None else 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drum-heartbeat", daemon=True)

    def start(self) -> None:
        """Begins; there is one in a process."""
        if self._errors is not None:
            faulthandler.register(DUMP_SIGNAL, file=self._errors, all_threads=True)
        self._beat()
        self._thread.start()

    def stop(self) -> None:
        """Ends it, so that the end of the process is not taken for a hang; safe to repeat."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join(BEAT_SECONDS)
        if self._hang_seconds:
            faulthandler.cancel_dump_traceback_later()

    def _run(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            self._beat()

    def _beat(self) -> None:
        self._card.beat()
        if self._hang_seconds and self._errors is not None:
            faulthandler.dump_traceback_later(self._hang_seconds, file=self._errors)


def _standard_error() -> int | None:
    """The descriptor of the real standard error, whatever is put in its place to mask secrets."""
    try:
        return sys.__stderr__.fileno() if sys.__stderr__ is not None else None
    except (OSError, ValueError):
        return None
