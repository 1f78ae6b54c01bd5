"""How two reports of `drum perf-test` are shown side by side."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from drum_core.cli import console
from drum_core.cli.views.aligned import aligned

if TYPE_CHECKING:
    from drum_core.results import ComparisonResult
    from drum_core.results.comparison import CaseComparison, Ratio

__all__ = ["show_comparison"]

_TITLES: Final = ("case", "samples", "measure", "base", "new", "new/base", "95 % interval", "")


def show_comparison(result: ComparisonResult) -> None:
    """Prints a line for each measure of each case, then what the reports do not share."""
    rows = [row for case in result.cases for row in _rows(case)]
    terminal = console.terminal(sys.stdout)
    if terminal is None:
        for line in aligned(_TITLES, rows, left=(0, 2, 7)):
            console.print_line(line)
    else:
        from rich.table import Table
        from rich.text import Text

        table = Table(header_style="bold")
        for place, title in enumerate(_TITLES):
            table.add_column(title, justify="left" if place in (0, 2, 7) else "right")
        for row in rows:
            style = {"better": "green", "worse": "red"}.get(row[-1], "")
            table.add_row(*(Text(cell, style=style) for cell in row))
        terminal.print(table)
    for remark in result.remarks:
        console.print_note(f"Remark: {remark}.")


def _rows(case: CaseComparison) -> list[tuple[str, ...]]:
    samples = "" if case.samples is None else str(case.samples)
    if case.problem:
        return [(case.name, samples, case.problem, *[""] * 5)]
    return [(case.name, samples, *_cells(ratio)) for ratio in case.ratios]


def _cells(ratio: Ratio) -> tuple[str, ...]:
    if ratio.measure == "throughput":
        base, new = f"{ratio.first:.1f}/s", f"{ratio.second:.1f}/s"
    else:
        base, new = f"{ratio.first * 1000:.2f} ms", f"{ratio.second * 1000:.2f} ms"
    if ratio.low is None or ratio.high is None:
        return ratio.measure, base, new, f"{ratio.ratio:.3f}", "-", "too few requests to tell"
    verdict = ("better" if ratio.better else "worse") if ratio.differs else "no difference seen"
    interval = f"{ratio.low:.3f} to {ratio.high:.3f}"
    return ratio.measure, base, new, f"{ratio.ratio:.3f}", interval, verdict
