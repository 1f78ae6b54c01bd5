"""The argument parser: built from the options dataclasses, in DRUM's spelling."""

from __future__ import annotations

import argparse
import dataclasses
import enum
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, get_args

from typing_extensions import override

from drum_core.cli.formatter import help_formatter
from drum_core.cli.planned import PlannedFlag, planned_flags
from drum_core.cli.resolve import Given
from drum_core.environment import RUNTIME_PARAMETER_PREFIX
from drum_core.options import (
    FitOptions,
    NewModelOptions,
    OptionsBase,
    PerfTestOptions,
    PushOptions,
    ReportOptions,
    ScoreOptions,
    ServerOptions,
    ValidationOptions,
)
from drum_core.options.flag import Option, options_of
from drum_core.version import __version__

__all__ = ["Command", "OptionsClass", "Parser", "build_parser", "parse"]

OptionsClass: TypeAlias = (
    type[ScoreOptions]
    | type[ServerOptions]
    | type[FitOptions]
    | type[PerfTestOptions]
    | type[ValidationOptions]
    | type[NewModelOptions]
    | type[PushOptions]
)

_MODES: Final[Sequence[tuple[OptionsClass, str]]] = (
    (ScoreOptions, "predict on a file"),
    (ServerOptions, "serve the model over HTTP"),
    (FitOptions, "train a model"),
    (ValidationOptions, "check a model before it is deployed"),
    (PerfTestOptions, "measure a model under load"),
    (PushOptions, "upload a model to DataRobot"),
)
"""The sub-commands that run a model folder, in the order of the help."""

_SCHEMA: Final = "schema"
_GROUPS: Final = ("required", "options", "model", "messages")

_EPILOG: Final = """\
first steps:
  drum new model --template sklearn-binary --code-dir cancer
  drum score --code-dir cancer --input cancer/input.csv
  drum server --code-dir cancer --address 127.0.0.1:8080

exit status: 0 done, 1 error, 2 wrong usage, 130 interrupted
"""


@dataclass(frozen=True)
class Command:
    """What the command line asks for; `parser` is the one whose usage an error shows."""

    options_class: OptionsClass
    given: Mapping[str, Given]
    unbuilt: tuple[str, ...]
    parser: Parser


class Parser(argparse.ArgumentParser):
    """An argument parser that loads the colourful formatter only when help is printed."""

    formatter_class: argparse._FormatterClass

    @override
    def format_help(self) -> str:
        self.formatter_class = help_formatter()
        return super().format_help()


class _Unbuilt(argparse.Action):
    """Notes that a flag was used which is not built yet, and drops its value."""

    @override
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        namespace.unbuilt = [*getattr(namespace, "unbuilt", []), self.option_strings[-1]]


class _PrintCompletion(argparse.Action):
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


def parse(argv: Sequence[str] | None) -> Command:
    """What the words of a command line ask for.

    Ends with `SystemExit`, as argparse does, after help, version or a usage error.
    """
    parser = build_parser()
    namespace, unknown = parser.parse_known_args(argv)
    given = vars(namespace)
    if given["subparser_name"] == _SCHEMA and not unknown:
        from drum_core.cli.schema import print_schema

        print_schema(given["speaker"])
    for level in ("new_mode", "subparser_name"):
        given.pop(level, None)
    speaker: Parser = given.pop("speaker", parser)
    options_class: OptionsClass | None = given.pop("options_class", None)
    unbuilt = tuple(given.pop("unbuilt", ()))
    if options_class is None:
        if unknown:
            speaker.error("unrecognized arguments: " + " ".join(unknown))
        speaker.print_help()
        speaker.exit(1)
    if unknown:
        speaker.error("unrecognized arguments: " + " ".join(unknown))
    return Command(options_class, given, unbuilt, speaker)


def build_parser() -> Parser:
    """The parser of `drum` with all sub-commands."""
    parser = Parser(
        prog="drum",
        description="Runs a model folder: scores files with it, and serves it over HTTP.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"drum {__version__}")
    parser.add_argument(
        "--print-completion",
        action=_PrintCompletion,
        choices=("bash", "zsh", "tcsh"),
        default=argparse.SUPPRESS,
        help="print the completion script for a shell",
    )
    # With no prog given, argparse would make a formatter to find out.
    commands = parser.add_subparsers(dest="subparser_name", title="commands", prog="drum")
    for options_class, purpose in _MODES:
        _add_mode(commands, options_class.run_mode.value, options_class, purpose)
    new = commands.add_parser("new", help="make a model folder", description="Make something new.")
    new.set_defaults(speaker=new)
    kinds = new.add_subparsers(dest="new_mode", title="what to make", prog="drum new")
    _add_mode(kinds, "model", NewModelOptions, "make a model folder to start from")
    purpose = "print the JSON Schema of model-metadata.yaml, for editors"
    schema = commands.add_parser(_SCHEMA, help=purpose, description=purpose)
    schema.set_defaults(speaker=schema)
    return parser


def _add_mode(
    commands: argparse._SubParsersAction[Parser],
    name: str,
    options_class: OptionsClass,
    purpose: str,
) -> None:
    options = options_of(options_class)
    flags = [option for option in options if option.flag.names]
    planned = planned_flags(options_class.run_mode)
    parser = commands.add_parser(
        name,
        help=purpose,
        description=purpose[0].upper() + purpose[1:] + ".",
        usage=" ".join(_usage(f"{commands._prog_prefix} {name}", flags)),
        epilog="\n\n".join([*_variables(options), *_not_built(planned)]),
        add_help=False,
    )
    parser.set_defaults(options_class=options_class, speaker=parser)
    groups = [parser.add_argument_group(title) for title in _GROUPS]
    groups[-1].add_argument("-h", "--help", action="help", help="show this help, and end")
    for option in flags:
        _add_option(groups[_group(options_class, option)], option)
    for flag in planned:
        parser.add_argument(
            flag.name,
            action=_Unbuilt,
            nargs=0 if flag.switch else None,
            default=argparse.SUPPRESS,
            help=argparse.SUPPRESS,
        )


def _usage(command: str, flags: Sequence[Option]) -> Iterator[str]:
    yield command
    for option in flags:
        if option.flag.required:
            yield f"{option.flag.long} {_metavar(option)}"
    yield "[options]"


def _variables(options: Sequence[Option]) -> Iterator[str]:
    lines = []
    for option in options:
        if not option.flag.names:
            name = option.flag.env or f"{RUNTIME_PARAMETER_PREFIX}{option.flag.parameter}"
            default = "" if option.default == "" else f" (default {option.default})"
            lines.append(f"  {name}\n      {option.flag.help}{default}")
    if lines:
        yield "only from the environment:\n" + "\n".join(lines)


def _not_built(planned: Sequence[PlannedFlag]) -> Iterator[str]:
    if planned:
        names = ", ".join(flag.name for flag in planned)
        text = f"Flags of DRUM that are not built yet: {names}."
        yield textwrap.fill(text, width=78, break_on_hyphens=False)


def _group(options_class: OptionsClass, option: Option) -> int:
    if option.flag.required:
        return 0
    own = option.name in {*options_class.__annotations__, *ReportOptions.__annotations__}
    return 1 if own else 3 if option.name in OptionsBase.__annotations__ else 2


def _add_option(parser: argparse._ArgumentGroup, option: Option) -> None:
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
        choices=_choices(option),
        metavar=_metavar(option),
        default=argparse.SUPPRESS,
        help=_help(option),
    )


def _choices(option: Option) -> tuple[str, ...] | None:
    if option.flag.choices is not None:
        return option.flag.choices
    for kind in (option.type, *get_args(option.type)):
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return tuple(str(member.value) for member in kind)
    return None


def _metavar(option: Option) -> str:
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
    if choices := _choices(option):
        notes.append("one of " + ", ".join(choices))
    if option.flag.env:
        names = filter(None, (option.flag.env, option.flag.env_fallback))
        notes.append("variable " + ", else ".join(names))
    if option.flag.parameter:
        notes.append(f"runtime parameter {option.flag.parameter}")
    shown = option.default not in (None, dataclasses.MISSING, False, "")
    if shown and not option.flag.required:
        notes.append(f"default {option.default}")
    text = option.flag.help + (f" ({'; '.join(notes)})" if notes else "")
    return text.replace("%", "%%")
