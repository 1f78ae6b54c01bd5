"""Flags that print a text about the command line itself, and end."""

from __future__ import annotations

import argparse
from typing import Final

from typing_extensions import override

__all__ = ["SHELLS", "PrintCompletion", "PrintManual"]

SHELLS: Final = ("bash", "zsh", "fish", "tcsh")
"""The shells that there is a completion for."""


class PrintCompletion(argparse.Action):
    """Prints the completion script for a shell, and ends."""

    @override
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        from drum_core.cli.completion import completion_script
        from drum_core.cli.console import show_text

        parser.exit(show_text(completion_script(parser, str(values))))


class PrintManual(argparse.Action):
    """Prints the page of the manual, and ends."""

    @override
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        from drum_core.cli.console import show_text
        from drum_core.cli.reference.manual import manual
        from drum_core.cli.reference.pages import reference

        parser.exit(show_text(manual(reference()).rstrip("\n")))
