"""How the result of `drum new env` is shown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drum_core.cli import console

if TYPE_CHECKING:
    from drum_core.results import NewEnvResult

__all__ = ["show_new_env"]


def show_new_env(result: NewEnvResult) -> None:
    """Prints the folder as a tree and the commands to go on with; notes on the standard error."""
    terminal = console.terminal(sys.stdout)
    pinned = f"{len(result.requirements)} requirements"
    if terminal is None:
        console.print_line(str(result.output))
        for file in result.files:
            console.print_line(f"  {file.relative_to(result.output)}")
        console.print_line("  model/")
        console.print_line(f"The image {result.image} has {pinned}.")
        console.print_line("Next:")
        for command in result.next_commands:
            console.print_line(f"  {command}")
    else:
        from drum_core.cli.views.tables import folder_tree

        terminal.print(folder_tree(result.output, (*result.files, result.output / "model")))
        terminal.print(f"The image {result.image} has {pinned}.")
        terminal.print("\nNext:", style="bold")
        for command in result.next_commands:
            terminal.print(f"  {command}", style="cyan", soft_wrap=True)
    if result.left_out:
        console.print_note(f"Left out of the copy: {', '.join(result.left_out)}")
    for note in result.notes:
        console.print_note(f"Note: {note}")
