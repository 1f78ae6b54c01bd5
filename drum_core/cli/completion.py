"""Completion scripts for shells."""

from __future__ import annotations

import argparse

__all__ = ["completion_script"]


def completion_script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script that completes the commands, flags, choices and paths of `parser`."""
    import shtab

    _complete_paths(parser)
    return shtab.complete(parser, shell)


def _complete_paths(parser: argparse.ArgumentParser) -> None:
    import shtab

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub_parser in action.choices.values():
                _complete_paths(sub_parser)
        elif action.metavar == "DIR":
            setattr(action, "complete", shtab.DIRECTORY)  # noqa: B010 - shtab's way, not declared
        elif action.metavar == "FILE":
            setattr(action, "complete", shtab.FILE)  # noqa: B010 - shtab's way, not declared
