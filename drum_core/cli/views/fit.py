"""How the result of `drum fit` is shown."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drum_core.cli import console
from drum_core.cli.exit_codes import ExitStatus
from drum_core.results.fit import SPARSE_COLUMNS

if TYPE_CHECKING:
    from rich.console import Console

    from drum_core.results import FitResult
    from drum_core.results.fit import FileSource, PredictionCheck

__all__ = ["show_fit", "status_of_fit"]

_MOST_FILES: Final = 20

_FROM: Final[dict[FileSource, str]] = {
    "fit": "written by the fit",
    "folder": "of the model folder",
    "drum": "written by drum",
}


def status_of_fit(result: FitResult) -> ExitStatus:
    """An error where the model predicted differently the second time, unless that is allowed."""
    return ExitStatus.OK if result.passed else ExitStatus.ERROR


def show_fit(result: FitResult) -> None:
    """Prints what was done, the files, and how the trial went; then what to do next."""
    terminal = console.terminal(sys.stdout)
    for line in _facts(result):
        console.print_line(line)
    if result.output is not None:
        _show_files(result, terminal)
    if result.check is not None and not result.check.passed:
        _show_differences(result.check)
    console.print_line(_verdict(result))
    if result.output is not None and result.passed:
        _show_next(result, result.output, terminal)


def _facts(result: FitResult) -> list[str]:
    phases = ", ".join(f"{phase.name.lower()} {phase.seconds:.1f} s" for phase in result.phases)
    article = "an" if result.target_type.value[0] in "aeiou" else "a"
    lines = [
        f"Fitted {article} {result.target_type.value} model on {result.rows:,} rows and "
        f"{result.columns:,} columns in {result.seconds:.1f} s ({phases}).",
        f"Peak memory while fitting: {_size(result.peak_memory)}.",
    ]
    if result.labels:
        found = ", found in the target" if result.labels_found else ""
        lines.append(f"Class labels: {', '.join(result.labels)}{found}.")
    if result.parameters:
        values = ", ".join(f"{name}={value!r}" for name, value in result.parameters.items())
        lines.append(f"Hyperparameters: {values}.")
    if (check := result.check) is not None:
        lines.append(
            f"Predicted {check.rows:,} rows on a server, and {check.compared:,} of them again on "
            f"another; peak memory of the server: {_size(check.peak_memory)}."
        )
    return lines


def _show_files(result: FitResult, terminal: Console | None) -> None:
    shown = [
        (file.path.as_posix(), _size(file.size), _FROM[file.source])
        for file in result.files[:_MOST_FILES]
    ]
    more = len(result.files) - len(shown)
    title = f"{result.output}, {len(result.files)} file{'s' if len(result.files) > 1 else ''}"
    if terminal is not None:
        from drum_core.cli.views.tables import files_table

        terminal.print(files_table(title, shown, more))
        return
    console.print_line(f"Wrote {title}:")
    width = max(len(path) for path, _, _ in shown)
    for path, size, source in shown:
        console.print_line(f"  {path:<{width}}  {size:>9}  {source}")
    if more > 0:
        console.print_line(f"  and {more} more")


def _show_differences(check: PredictionCheck) -> None:
    console.print_line(
        f"{check.differing:,} of {check.compared:,} rows were predicted differently the second "
        "time (rows are counted from 0):"
    )
    for item in check.differences:
        console.print_line(f"  row {item.row}: {item.first}, then {item.second}")
    if check.differing > len(check.differences):
        console.print_line("  …")


def _verdict(result: FitResult) -> str:
    if not result.passed:
        kept = f" The fitted model is in {result.output}." if result.output else ""
        return (
            "Failed: the predictions of the fitted model cannot be relied on." + kept + " "
            "If chance is part of the model, --allow-different-predictions takes them as they are."
        )
    if result.output is not None:
        return f"Success: the fitted model is in {result.output}."
    if result.check is None:
        return (
            "Success: Your model can be fit to your data. Predictions were not tried, because of "
            "--skip-predict. With --output DIR the fitted model is kept."
        )
    return (
        "Success: Your model can be fit to your data,  and predictions can be made on the fit "
        "model! With --output DIR the fitted model is kept."
    )


def _show_next(result: FitResult, output: Path, terminal: Console | None) -> None:
    here = Path.cwd()
    place = output.relative_to(here) if output.is_relative_to(here) else output
    code_dir = shlex.quote(str(place))
    names = ""
    if any(str(file.path) == SPARSE_COLUMNS for file in result.files):
        names = f" --sparse-column-file {shlex.quote(str(place / SPARSE_COLUMNS))}"
    commands = (
        f"drum score --code-dir {code_dir} --input FILE{names}",
        f"drum server --code-dir {code_dir} --address 127.0.0.1:8080",
    )
    console.print_line("Next:")
    for command in commands:
        if terminal is not None:
            terminal.print(f"  {command}", style="cyan", soft_wrap=True)
        else:
            console.print_line(f"  {command}")


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GB"
