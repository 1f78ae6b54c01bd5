"""Progress on a terminal: what is being done, rate and time left. In a pipe: nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from drum_core.cli import console
from drum_core.progress import Advance, NoProgress, Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import Task

__all__ = ["shown_progress"]


def shown_progress() -> Progress:
    """Bars, if the standard error is a terminal."""
    terminal = console.terminal(sys.stderr)
    return NoProgress() if terminal is None else _TerminalProgress(terminal)


class _TerminalProgress:
    """Bars and spinners that vanish when what they are for is done."""

    def __init__(self, terminal: Console) -> None:
        self._terminal = terminal

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
