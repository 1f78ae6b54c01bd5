"""The command line: words to options, results to words."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that `argv` (by default the process's) asks for.

    Returns the exit status: 0 done, 1 error, 2 wrong usage, 130 interrupted. Errors are told on
    the standard error in one paragraph.
    """
    from drum_core.cli.command import run_command
    from drum_core.process_end import end_process, threads_linger

    status = run_command(argv)
    if argv is None and threads_linger():  # the process is ours to end
        end_process(status)
    return status
