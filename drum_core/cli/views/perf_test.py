"""How the result of `drum perf-test` is shown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from drum_core.cli import console
from drum_core.cli.views.aligned import aligned

if TYPE_CHECKING:
    from drum_core.results import PerfTestResult
    from drum_core.results.perf_test import PerfCase

__all__ = ["show_perf_test"]

_NONE = "-"


def show_perf_test(result: PerfTestResult) -> None:
    """Prints DRUM's table of sizes, the table of loads, and what went wrong."""
    sizes = [case for case in result.cases if case.kind == "size"]
    loads = [case for case in result.cases if case.kind != "size"]
    if sizes:
        _table("Requests one after another, times in seconds", *_sizes(result, sizes))
    if loads:
        _table("Requests at the same time, latencies in milliseconds", *_loads(result, loads))
    for case in result.cases:
        if case.failed:
            console.print_line(f"{case.name}: {case.problem}")
            for failure in case.untold:
                console.print_line(f"  {failure.count} x {failure.kind}: {failure.example}")
    for remark in result.remarks:
        console.print_note(f"Remark: {remark}.")
    if result.report_file is not None:
        console.print_note(f"Wrote the report to {result.report_file}.")


def _table(caption: str, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    terminal = console.terminal(sys.stdout)
    if terminal is None:
        console.print_line(f"\n{caption}")
        for line in aligned(titles, rows):
            console.print_line(line)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(title=caption, title_justify="left", title_style="bold", header_style="bold")
    for place, title in enumerate(titles):
        table.add_column(title, justify="right" if place else "left")
    for row in rows:
        style = "red" if "Fail" in row or "NA" in row else ""
        table.add_row(*(Text(cell, style=style) for cell in row))
    terminal.print(table)


def _sizes(result: PerfTestResult, cases: Sequence[PerfCase]) -> tuple[list[str], list[list[str]]]:
    """DRUM's columns, with the server's own time where it was asked for."""
    titles = ["size", "samples", "iters", "min", "avg", "max", "total (s)"]
    titles += ["prediction"] if result.in_server else []
    memory, columns = _memory_columns(result)
    rows = []
    for case in cases:
        row = [case.name, _number(case.samples), str(case.requests), *_times(case)]
        row += [_seconds(case.prediction)] if result.in_server else []
        used = _NONE if case.memory is None else f"{case.memory:.1f}"
        rows.append(row + [cell.format(used=used) for cell in columns])
    return titles + memory, rows


def _memory_columns(result: PerfTestResult) -> tuple[list[str], list[str]]:
    total = f"{result.total_memory:.1f}"
    limit, most, used = result.container
    if limit is None:
        return ["used (MB)", "total physical (MB)"], ["{used}", total]
    container = [f"{value:.1f}" if value is not None else _NONE for value in (used, most, limit)]
    names = [f"container {name} (MB)" for name in ("used", "max used", "limit")]
    return [*names, "total physical (MB)"], [*container, total]


def _times(case: PerfCase) -> list[str]:
    if case.timed_out:
        return ["NA"] * 4
    if case.failed or case.latency is None:
        return ["Fail"] * 4
    latency = case.latency
    total = latency.mean * case.requests
    return [_seconds(value) for value in (latency.min, latency.mean, latency.max, total)]


def _loads(result: PerfTestResult, cases: Sequence[PerfCase]) -> tuple[list[str], list[list[str]]]:
    percentiles = ["first p50", "first p99"] if result.chat else []
    percentiles += ["p50", "p90", "p99", "p99.9", "max"]
    titles = ["load", "samples", "requests", "failed", "req/s", *percentiles, "used (MB)"]
    return titles, [
        [
            case.name,
            _number(case.samples),
            str(case.requests),
            str(case.failed_requests),
            f"{case.throughput:.1f}",
            *(_first_chunk(case) if result.chat else []),
            *_percentiles(case),
            _NONE if case.memory is None else f"{case.memory:.1f}",
        ]
        for case in cases
    ]


def _first_chunk(case: PerfCase) -> list[str]:
    first = case.first_byte
    values = (None, None) if first is None else (first.p50, first.p99)
    return [_NONE if value is None else f"{value * 1000:.2f}" for value in values]


def _percentiles(case: PerfCase) -> list[str]:
    latency = case.latency
    if latency is None:
        return ["NA" if case.timed_out else "Fail"] * 5
    values = (latency.p50, latency.p90, latency.p99, latency.p999, latency.max)
    return [_NONE if value is None else f"{value * 1000:.2f}" for value in values]


def _seconds(value: float | None) -> str:
    return "NA" if value is None else f"{value:.3f}"


def _number(value: int | None) -> str:
    return _NONE if value is None else str(value)
