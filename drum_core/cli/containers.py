"""A command that is to run in a container: run there, or shown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drum_core.cli import console
from drum_core.cli.exit_codes import ExitStatus

if TYPE_CHECKING:
    from drum_core.options import ModelOptions

__all__ = ["is_for_a_container", "run_contained"]


def is_for_a_container(options: ModelOptions) -> bool:
    """Whether the command is not run in this process: it is run whole in a container, or shown."""
    if options.docker is None:
        return False
    from drum_core.containers.translate import is_containable

    return options.docker_dry_run or is_containable(options)


def run_contained(options: ModelOptions) -> int:
    """Runs it in a container, or shows how; returns the exit status. Raises `DrumError`."""
    from drum_core.modes.contained import contained_part

    part = contained_part(options)
    if options.docker_dry_run:
        from drum_core.containers.rerun import shell_lines

        for line in shell_lines(part):
            console.print_line(line)
        return ExitStatus.OK
    from drum_core.cli.progress import shown_progress
    from drum_core.containers.rerun import rerun

    return rerun(part, shown_progress(sys.stderr), sys.stdout.buffer, sys.stderr.buffer)
