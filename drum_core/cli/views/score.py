"""How the result of `drum score` is shown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drum_core.cli import console

if TYPE_CHECKING:
    from drum_core.model.exchange import UnstructuredAnswer
    from drum_core.results import ScoreResult

__all__ = ["show_score", "show_times"]


def show_score(result: ScoreResult) -> None:
    """Prints the predictions, or where they were written."""
    took = f"{result.load_seconds + result.score_seconds:.2f} s"
    if result.output is not None:
        what = "the answer" if result.unstructured is not None else _rows(result.rows)
        console.print_note(f"Wrote {what} to {result.output} in {took}.")
        return
    if result.unstructured is not None:
        _write_answer(result.unstructured)
        return
    terminal = console.terminal(sys.stdout)
    if terminal is None:
        _write_csv(result)
        return
    from drum_core.cli.views.tables import predictions_table

    terminal.print(predictions_table(result.predictions, terminal.width))
    terminal.print(
        f"{_rows(result.rows)} in {took}. With --output FILE they are written to a file."
    )


def show_times(result: ScoreResult, full: float) -> None:
    """Prints DRUM's performance reports; `full` is in seconds, from the start of the run."""
    reports = {
        "Full time": full,
        "Init time (incl model loading)": result.load_seconds,
        "Run time (incl reading CSV)": result.score_seconds,
    }
    for name, seconds in reports.items():
        console.print_note(name)
        console.print_note(f"\tsec: min: {seconds:.2f}; avg: {seconds:.2f}; max: {seconds:.2f}")


def _write_answer(answer: UnstructuredAnswer) -> None:
    """A text with a line end, whatever its charset; bytes as they are."""
    if answer.charset is None:
        console.print_bytes(answer.data)
        return
    with console.in_utf8(sys.stdout):
        text = answer.data.decode(answer.charset, "replace")
        console.print_line(text.removesuffix("\n"))


def _rows(number: int) -> str:
    return f"{number:,} row" + ("" if number == 1 else "s")


def _write_csv(result: ScoreResult) -> None:
    from drum_core.data.output import to_csv

    # As the file would be, whatever the locale.
    with console.in_utf8(sys.stdout):
        to_csv(result.predictions, sys.stdout)
