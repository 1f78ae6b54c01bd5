"""`python -m drum_core.cli.reference markdown`, or `manual`: prints it for the documentation."""

from __future__ import annotations

import argparse
import sys

from drum_core.cli.console import show_text
from drum_core.cli.reference.manual import manual
from drum_core.cli.reference.markdown import markdown
from drum_core.cli.reference.pages import reference

__all__: list[str] = []

_FORMS = {"markdown": markdown, "manual": manual}


def main() -> int:
    """Prints one form; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m drum_core.cli.reference", description=__doc__)
    parser.add_argument("form", choices=tuple(_FORMS))
    return show_text(_FORMS[parser.parse_args().form](reference()).rstrip("\n"))


if __name__ == "__main__":
    sys.exit(main())
