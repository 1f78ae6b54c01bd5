"""How the result of `drum validation` is shown."""

from __future__ import annotations

import dataclasses
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from drum_core.cli import console
from drum_core.results.validation import CheckStatus

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from drum_core.results.validation import CheckResult, Finding, ValidationResult

__all__ = ["show_validation"]

_TITLE: Final = "Validation checks results"
_STYLES: Final = {
    CheckStatus.PASSED: "green",
    CheckStatus.FAILED: "bold red",
    CheckStatus.WARNING: "yellow",
    CheckStatus.SKIPPED: "dim",
}
_SHOWN: Final = 10
_NAMES: Final = 5
_MESSAGE: Final = 300
_LAST_WORDS: Final = 700


def show_validation(result: ValidationResult) -> None:
    """Prints a table of the checks, with what each found; in a pipe as lines."""
    terminal = console.terminal(sys.stdout)
    if terminal is None:
        _print_lines(result)
    else:
        _print_table(result, terminal)


def _print_table(result: ValidationResult, terminal: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=_TITLE, header_style="bold", show_lines=True)
    table.add_column("Test case", min_width=14, max_width=24)
    table.add_column("Status")
    table.add_column("Details", overflow="fold")
    for check in result.checks:
        name = Text.assemble((check.title, "bold"), "\n", (check.check.value, "dim"))
        status = Text(check.status.value, style=_STYLES[check.status])
        table.add_row(name, status, _details(check))
    terminal.print(table)
    style = "bold green" if result.passed else "bold red"
    terminal.print(_summary(result), style=style)


def _details(check: CheckResult) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    if not check.findings:
        return Text(check.details)
    found = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    columns = _columns(check)
    for name in columns:
        found.add_column(name, overflow="fold")
    rows = _gathered(check.findings)
    for finding in rows[:_SHOWN]:
        found.add_row(*(Text(cell) for cell in _cells(finding, columns)))
    parts: list[RenderableType] = [Text(f"{check.did} {check.details}"), found]
    if len(rows) > _SHOWN:
        parts.append(Text(_more(rows)))
    parts.append(Text.assemble(("To mend: ", "bold"), check.advice))
    return Group(*parts)


def _columns(check: CheckResult) -> list[str]:
    """The columns of the table of findings that have something in them; DRUM's names."""
    columns = ["Message"]
    if any(finding.feature is not None for finding in check.findings):
        columns.insert(0, "Failed feature")
    if any(finding.rows for finding in check.findings):
        columns.append("Rows")
    if any(finding.dataset is not None for finding in check.findings):
        columns.append("Dataset filename")
    return columns


def _cells(finding: Finding, columns: list[str]) -> list[str]:
    cells = {
        "Failed feature": finding.feature or "",
        "Message": finding.message,
        "Rows": ", ".join(map(str, finding.rows)),
        "Dataset filename": "" if finding.dataset is None else str(finding.dataset),
    }
    return [cells[name] for name in columns]


def _print_lines(result: ValidationResult) -> None:
    """A line a check; what it found is below it, further in, and as long as it is."""
    console.print_line(_TITLE)
    width = max((len(check.title) for check in result.checks), default=0)
    console.print_line(f"{'Test case':<{width}}  {'Status':<7}  Details")
    for check in result.checks:
        details = check.details if not check.findings else f"{check.did} {check.details}"
        console.print_line(f"{check.title:<{width}}  {check.status.value:<7}  {details}")
        rows = _gathered(check.findings)
        for finding in rows[:_SHOWN]:
            console.print_line(textwrap.indent(_line(finding), "    "))
        if len(rows) > _SHOWN:
            console.print_line(f"    {_more(rows)}")
        if check.advice:
            console.print_line(f"    To mend: {check.advice}")
    console.print_line(_summary(result))


def _gathered(findings: Sequence[Finding]) -> list[Finding]:
    """Those that say the same of several columns as one; long messages cut at their end."""
    found: dict[tuple[str, tuple[int, ...]], list[Finding]] = {}
    for finding in findings:
        message = finding.message
        if finding.feature is not None:
            message = message.replace(repr(finding.feature), "the column")
        alone = finding.dataset is not None  # which is named for each
        key = (f"{finding.feature} {message}" if alone else message, finding.rows)
        found.setdefault(key, []).append(finding)
    return [_joined(group) for group in found.values()]


def _joined(group: Sequence[Finding]) -> Finding:
    first = group[0]
    message = textwrap.shorten(first.message, _MESSAGE, placeholder=" …")
    if "\n" in first.message and len(first.message) <= _LAST_WORDS:
        message = first.message  # the last lines of a process
    names = [finding.feature for finding in group if finding.feature is not None]
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    feature = ", ".join(names[:_NAMES]) + more if names else None
    return dataclasses.replace(first, message=message, feature=feature)


def _more(rows: Sequence[Finding]) -> str:
    return f"and {len(rows) - _SHOWN} more: --json shows all."


def _line(finding: Finding) -> str:
    text = finding.message if finding.feature is None else f"{finding.feature}: {finding.message}"
    if finding.rows:
        text += f" Rows: {', '.join(map(str, finding.rows))}."
    return text if finding.dataset is None else f"{text} Dataset: {finding.dataset}"


def _summary(result: ValidationResult) -> str:
    counts = [
        f"{len(found)} {status.value.lower()}"
        for status in CheckStatus
        if (found := result.with_status(status))
    ]
    return f"{', '.join(counts)} in {result.seconds:.1f} s."
