"""Progress on a terminal: a row for each step that goes on, with amount, rate and time left."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, cast

from rich import progress
from rich.text import Text
from typing_extensions import override

from drum_core.cli import console
from drum_core.cli.amounts import amount, duration, rate
from drum_core.progress import Advance, Progress
from drum_core.user.masking import masked

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["TerminalProgress"]

_BAR_WIDTH = 30


class TerminalProgress:
    """Rows that vanish when what they are for is done; steps may be within others.

    While there are rows, what Python prints on the terminal appears above them.
    """

    def __init__(self, terminal: Console, lines: TextIO | None) -> None:
        self._terminal = terminal
        self._lines = lines
        self._lock = threading.Lock()
        self._bars: progress.Progress | None = None
        self._above: list[_AboveBars] = []
        self._rows = 0

    @contextmanager
    def phase(self, what: str, /) -> Iterator[None]:
        """A spinner, with the time it has taken."""
        with self._row(what, None, None):
            yield

    @contextmanager
    def task(self, what: str, total: int | None, /, *, unit: str = "rows") -> Iterator[Advance]:
        """A bar, with what is done, how fast, and the time left."""
        with self._row(what, total, unit) as (bars, row):
            yield lambda done: bars.advance(row, done)

    def say(self, line: str, /) -> None:
        """Above the rows, where both are on the terminal; else into the pipe."""
        if self._lines is None:
            return
        if self._lines.isatty():
            self._terminal.print(line, soft_wrap=True)
        else:
            console.write_line(self._lines, line)

    @contextmanager
    def _row(
        self, what: str, total: int | None, unit: str | None
    ) -> Iterator[tuple[progress.Progress, progress.TaskID]]:
        with self._lock:
            self._rows += 1
        try:  # an interrupt may come while the first row is put on the terminal
            bars = self._shown()
            row = bars.add_task(what, total=total, unit=unit)
            try:
                yield bars, row
            finally:
                bars.remove_task(row)
        finally:
            self._left()

    def _shown(self) -> progress.Progress:
        """The rows, which are on the terminal from the first one on."""
        with self._lock:
            if self._bars is None:
                self._bars = _bars(self._terminal)
                self._above = [_AboveBars(self._terminal, name) for name in ("stdout", "stderr")]
                with contextlib.suppress(OSError):  # the terminal may be gone
                    self._bars.start()
            return self._bars

    def _left(self) -> None:
        with self._lock:
            self._rows -= 1
            if self._rows or self._bars is None:
                return
            with contextlib.suppress(OSError):
                self._bars.stop()
            for stream in self._above:
                stream.end()
            self._bars, self._above = None, []


def _bars(terminal: Console) -> progress.Progress:
    return progress.Progress(
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}", markup=False),
        _Bar(bar_width=_BAR_WIDTH),
        _Amounts(),
        console=terminal,
        transient=True,
        # It would print past the masks of secrets; `_AboveBars` does not.
        redirect_stdout=False,
        redirect_stderr=False,
    )


class _Bar(progress.BarColumn):
    """A bar, for steps that are counted."""

    @override
    def render(self, task: progress.Task) -> RenderableType:  # type: ignore[override]  # no bar where nothing is counted
        return Text() if task.fields["unit"] is None else super().render(task)


class _Amounts(progress.ProgressColumn):
    """What is done of how much, how fast, and the time left; else the time it has taken."""

    @override
    def render(self, task: progress.Task) -> Text:
        unit: str | None = task.fields["unit"]
        if unit is None:
            return Text(duration(task.elapsed or 0.0))
        parts = [amount(task.completed, unit)]
        if task.total is not None:
            done = parts[0].removesuffix(f" {unit}")
            parts[0] = f"{done} of {amount(task.total, unit)}"
        if task.speed:
            parts.append(rate(task.speed, unit))
        if task.time_remaining is not None:
            parts.append(f"{duration(task.time_remaining)} left")
        else:
            parts.append(duration(task.elapsed or 0.0))
        return Text(", ".join(parts))


class _AboveBars:
    """Stands for a stream of `sys` that is a terminal: its lines appear above the rows, masked.

    Lines that are not ended yet wait. After `end`, and in a child process that was forked from
    this one, all goes to the stream as it comes.
    """

    def __init__(self, terminal: Console, name: str) -> None:
        self._terminal = terminal
        self._name = name
        self._stream: TextIO = getattr(sys, name)
        self._begun = ""
        self._process = os.getpid()
        self._ended = not self._stream.isatty()
        self._lock = threading.RLock()
        if not self._ended:
            setattr(sys, name, cast("TextIO", self))

    def write(self, text: str) -> int:
        if self._ended or os.getpid() != self._process:
            return self._stream.write(text)
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            # What a carriage return would write over is not shown.
            self._begun = self._begun.rpartition("\r")[2]
            for line in lines:
                shown = Text.from_ansi(masked(line.removesuffix("\r").rpartition("\r")[2]))
                self._terminal.print(shown, soft_wrap=True)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def end(self) -> None:
        """Puts the stream back, unless somebody else has taken its place, and passes on."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
            if getattr(sys, self._name) is self:
                setattr(sys, self._name, self._stream)
            if self._begun:  # the next row would wipe out a line that is not ended
                self._stream.write(f"{masked(self._begun)}\n")
                self._begun = ""

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


if TYPE_CHECKING:
    _terminal: type[Progress] = TerminalProgress
