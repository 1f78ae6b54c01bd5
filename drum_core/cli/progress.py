"""Progress on a terminal: what is being done, rate and time left. In a pipe: lines alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from typing_extensions import override

from drum_core.cli import console
from drum_core.progress import Advance, NoProgress, Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import Task

__all__ = ["shown_progress"]


def shown_progress(lines: TextIO | None = None) -> Progress:
    """Bars, if the standard error is a terminal; what is said goes to `lines`, if given."""
    terminal = console.terminal(sys.stderr)
    return _LineProgress(lines) if terminal is None else _TerminalProgress(terminal, lines)


class _LineProgress(NoProgress):
    """Only what is said, a line each."""

    def __init__(self, lines: TextIO | None) -> None:
        self._lines = lines

    @override
    def say(self, line: str, /) -> None:
        """Written at once; a reader that has gone is found when the result is printed."""
        if self._lines is not None:
            console.write_line(self._lines, line)


class _TerminalProgress:
    """Bars and spinners that vanish when what they are for is done."""

    def __init__(self, terminal: Console, lines: TextIO | None) -> None:
        self._terminal = terminal
        self._lines = lines

    @contextmanager
    def phase(self, what: str, /) -> Iterator[None]:
        """A spinner, with the time it has taken."""
        with self._bars(counted=False) as bars:
            bars.add_task(what, total=None)
            yield

    @contextmanager
    def task(self, what: str, total: int | None, /, *, unit: str = "rows") -> Iterator[Advance]:
        """A bar, with what is done, how fast, and the time left."""
        with self._bars(counted=True) as bars:
            task = bars.add_task(what, total=total, unit=unit)
            yield lambda done: bars.advance(task, done)

    def say(self, line: str, /) -> None:
        """Above the bar, where both are on the terminal; else into the pipe."""
        if self._lines is None:
            return
        if self._lines.isatty():
            self._terminal.print(line, soft_wrap=True)
        else:
            console.write_line(self._lines, line)

    def _bars(self, *, counted: bool) -> Bars:
        from rich import progress

        columns: list[progress.ProgressColumn] = [
            progress.SpinnerColumn(),
            progress.TextColumn("{task.description}"),
        ]
        if counted:
            columns += [progress.BarColumn(), _rate_column(), progress.TimeRemainingColumn()]
        columns.append(progress.TimeElapsedColumn())
        return progress.Progress(*columns, console=self._terminal, transient=True)


def _rate_column() -> progress.ProgressColumn:
    from rich.progress import ProgressColumn
    from rich.text import Text

    class RateColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            unit = task.fields["unit"]
            total = "" if task.total is None else f" of {task.total:,.0f}"
            rate = "" if task.speed is None else f", {task.speed:,.1f}/s"
            return Text(f"{task.completed:,.0f}{total} {unit}{rate}")

    return RateColumn()


if TYPE_CHECKING:
    from rich import progress

    _terminal: type[Progress] = _TerminalProgress
