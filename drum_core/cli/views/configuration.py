"""How the configuration of a server is shown."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from drum_core.cli import console
from drum_core.cli.exit_codes import ExitStatus

if TYPE_CHECKING:
    from drum_core.results.configuration import ConfigurationResult, Setting

__all__ = ["show_configuration"]


def show_configuration(result: ConfigurationResult, name: str, *, as_json: bool) -> int:
    """Prints every setting; what keeps the server from starting is told as an error of `name`.

    Returns the exit status: 1 where there is a problem.
    """
    if as_json:
        console.print_json(result.report())
    else:
        _show_table(result.settings)
    if result.problem is None:
        return ExitStatus.OK
    console.show_error(name, f"error: {result.problem}")
    return ExitStatus.ERROR


def _show_table(settings: tuple[Setting, ...]) -> None:
    rows = [(setting.name, _text(setting.value), setting.source) for setting in settings]
    terminal = console.terminal(sys.stdout)
    if terminal is None:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for name, value, source in rows:
            console.print_line(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {source}".rstrip())
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold")
    for title in ("setting", "value", "from"):
        table.add_column(title, overflow="fold")
    for name, value, source in rows:
        style = "dim" if source == "default" else "bold"
        table.add_row(Text(name), Text(value, style=style), Text(source, style=style))
    terminal.print(table)


def _text(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
