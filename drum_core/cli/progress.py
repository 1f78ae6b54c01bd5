"""Progress as it is shown: bars on a terminal; in a pipe, lines alone."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from drum_core.cli import console
from drum_core.cli.amounts import amount, duration, rate
from drum_core.progress import Advance, Progress

__all__ = ["shown_progress"]


def shown_progress(lines: TextIO | None = None, *, verbose: bool = False) -> Progress:
    """Bars, if the standard error is a terminal; what is said goes to `lines`, if given.

    Where it is none, `verbose` gives each step a line there once it is done.
    """
    terminal = console.terminal(sys.stderr)
    if terminal is None:
        return _LineProgress(lines, sys.stderr if verbose else None)
    from drum_core.cli.bars import TerminalProgress

    return TerminalProgress(terminal, lines)


class _LineProgress:
    """What is said, a line each; to `steps`, if given, a line for each step that is done.

    A step that fails has none: its error is told.
    """

    def __init__(self, lines: TextIO | None, steps: TextIO | None) -> None:
        self._lines = lines
        self._steps = steps

    @contextmanager
    def phase(self, what: str, /) -> Iterator[None]:
        """At its end, how long it took."""
        started = time.perf_counter()
        yield
        self._done(f"{what}: done in {duration(time.perf_counter() - started)}")

    @contextmanager
    def task(self, what: str, total: int | None, /, *, unit: str = "rows") -> Iterator[Advance]:
        """At its end, how much was done, how long it took, and how fast it was."""
        started, count, lock = time.perf_counter(), 0, threading.Lock()

        def advance(done: int) -> None:
            nonlocal count
            with lock:
                count += done

        yield advance
        seconds = time.perf_counter() - started
        text = f"{what}: {amount(count, unit)} in {duration(seconds)}"
        self._done(f"{text}, {rate(count / seconds, unit)}" if count and seconds else text)

    def say(self, line: str, /) -> None:
        """Written at once; a reader that has gone is found when the result is printed."""
        if self._lines is not None:
            console.write_line(self._lines, line)

    def _done(self, line: str) -> None:
        if self._steps is not None:
            console.write_line(self._steps, line)


if TYPE_CHECKING:
    _lines: type[Progress] = _LineProgress
