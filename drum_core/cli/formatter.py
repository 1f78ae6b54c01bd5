"""How help is laid out: in colour on a terminal, plain elsewhere."""

from __future__ import annotations

import argparse
import sys

from drum_core.environment import environment

__all__ = ["help_formatter"]


def help_formatter() -> type[argparse.HelpFormatter]:
    """The class that lays out help; rich is imported only where colours are seen."""
    environ = environment()
    plain = environ.get("NO_COLOR") or environ.get("TERM") == "dumb"
    if plain or not sys.stdout.isatty():
        return argparse.RawDescriptionHelpFormatter
    from rich_argparse import RawDescriptionRichHelpFormatter

    class ColouredFormatter(RawDescriptionRichHelpFormatter):
        # "host[:port]" is text, not markup.
        text_markup = False
        help_markup = False

    return ColouredFormatter
