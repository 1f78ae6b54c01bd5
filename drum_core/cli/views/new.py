"""How the result of `drum new` is shown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drum_core.cli import console

if TYPE_CHECKING:
    from drum_core.results import NewModelResult

__all__ = ["show_new_model"]


def show_new_model(result: NewModelResult) -> None:
    """Prints the folder as a tree, and the commands to go on with."""
    terminal = console.terminal(sys.stdout)
    if terminal is None:
        console.print_line(str(result.code_dir))
        for file in result.files:
            console.print_line(f"  {file.relative_to(result.code_dir)}")
        console.print_line("Next:")
        for command in result.next_commands:
            console.print_line(f"  {command}")
        return
    from drum_core.cli.views.tables import folder_tree

    terminal.print(folder_tree(result.code_dir, result.files))
    terminal.print("\nNext:", style="bold")
    for command in result.next_commands:
        # Never broken into lines: a command is there to be copied.
        terminal.print(f"  {command}", style="cyan", soft_wrap=True)
