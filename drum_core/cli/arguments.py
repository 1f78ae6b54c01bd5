"""Options as arguments of a parser, and as lines of its help."""

from __future__ import annotations

import argparse
import dataclasses
import enum
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

from drum_core.environment import RUNTIME_PARAMETER_PREFIX
from drum_core.options.flag import Option

__all__ = ["add_argument", "choices_of", "default_of", "metavar_of", "usage_of", "variables_of"]


def add_argument(parser: argparse._ArgumentGroup, option: Option) -> None:
    """Adds the flag of `option`."""
    # Absent flags leave no trace, so that what is there was given.
    if option.is_switch:
        parser.add_argument(
            *option.flag.names,
            dest=option.name,
            action="store_true",
            default=argparse.SUPPRESS,
            help=_help(option),
        )
        return
    parser.add_argument(
        *option.flag.names,
        dest=option.name,
        nargs="+" if option.is_list else None,
        choices=choices_of(option),
        metavar=metavar_of(option),
        default=argparse.SUPPRESS,
        help=_help(option),
    )


def choices_of(option: Option) -> tuple[str, ...] | None:
    """The values that an option takes, where they are few."""
    if option.flag.choices is not None:
        return option.flag.choices
    for kind in (option.type, *get_args(option.type)):
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return tuple(str(member.value) for member in kind)
    return None


def metavar_of(option: Option) -> str:
    """What stands for the value of an option."""
    if option.flag.metavar:
        return option.flag.metavar
    kinds = {option.type, *get_args(option.type)}
    if Path in kinds:
        return "DIR" if option.flag.path in ("directory", "absent") else "FILE"
    if int in kinds:
        return "N"
    return option.name.rpartition("_")[2].upper().removesuffix("S" if option.is_list else "")


def _help(option: Option) -> str:
    notes = []
    if choices := choices_of(option):
        notes.append("one of " + ", ".join(choices))
    if option.flag.env:
        names = filter(None, (option.flag.env, option.flag.env_fallback))
        notes.append("variable " + ", else ".join(names))
    if option.flag.parameter:
        notes.append(f"runtime parameter {option.flag.parameter}")
    if default := default_of(option):
        notes.append(f"default {default}")
    text = option.flag.help + (f" ({'; '.join(notes)})" if notes else "")
    return text.replace("%", "%%")


def default_of(option: Option) -> str:
    """The default as it is shown; empty where there is none worth showing."""
    shown = option.default not in (None, dataclasses.MISSING, False, "", ())
    return str(option.default) if shown and not option.flag.required else ""


def usage_of(command: str, flags: Sequence[Option]) -> Iterator[str]:
    """The words of the usage line."""
    yield command
    for option in flags:
        if option.flag.required:
            yield f"{option.flag.long} {metavar_of(option)}"
    yield "[options]"


def variables_of(options: Sequence[Option]) -> Iterator[str]:
    """The part of the help about options that are no flags, if there are any."""
    lines = []
    for option in options:
        if not option.flag.names:
            name = option.flag.env or f"{RUNTIME_PARAMETER_PREFIX}{option.flag.parameter}"
            default = "" if option.default in ("", None) else f" (default {option.default})"
            lines.append(f"  {name}\n      {option.flag.help}{default}")
    if lines:
        yield "only from the environment:\n" + "\n".join(lines)
