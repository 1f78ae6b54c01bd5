"""`drum schema`: prints the JSON Schema of model-metadata.yaml, and ends."""

from __future__ import annotations

import argparse
from typing import NoReturn

__all__ = ["print_schema"]


def print_schema(parser: argparse.ArgumentParser) -> NoReturn:
    """Prints the schema on the standard output; `parser` ends the program."""
    from drum_core.cli.console import show_text
    from drum_core.model.schema.editor import schema_text

    parser.exit(show_text(schema_text()))
