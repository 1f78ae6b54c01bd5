"""The argument parser: built from the options dataclasses, in DRUM's spelling."""

from __future__ import annotations

import argparse
import enum
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from typing_extensions import override

from drum_core.cli.arguments import add_argument, usage_of, variables_of
from drum_core.cli.formatter import help_formatter
from drum_core.cli.groups import GROUPS, group_of
from drum_core.cli.planned import PlannedFlag, planned_flags
from drum_core.cli.print_actions import SHELLS, PrintCompletion, PrintManual
from drum_core.cli.resolve import Given
from drum_core.options import (
    ComparisonOptions,
    FitOptions,
    NewEnvOptions,
    NewModelOptions,
    PerfTestOptions,
    PushOptions,
    ScoreOptions,
    ServerOptions,
    ValidationOptions,
)
from drum_core.options.flag import options_of
from drum_core.version import __version__

__all__ = ["Asks", "Command", "OptionsClass", "Parser", "build_parser", "parse"]

OptionsClass: TypeAlias = (
    type[ScoreOptions]
    | type[ServerOptions]
    | type[FitOptions]
    | type[PerfTestOptions]
    | type[ComparisonOptions]
    | type[ValidationOptions]
    | type[NewModelOptions]
    | type[NewEnvOptions]
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
_EXPLAIN: Final = "explain-config"

_EPILOG: Final = """\
first steps:
  drum new model --template sklearn-binary --code-dir cancer
  drum score --code-dir cancer --input cancer/input.csv
  drum server --code-dir cancer --address 127.0.0.1:8080

exit status: 0 done, 1 error, 2 wrong usage, 130 interrupted
"""


class Asks(enum.Enum):
    """What is to be done with the options."""

    RUN = enum.auto()
    CHECK = enum.auto()
    EXPLAIN = enum.auto()
    EXPLAIN_AS_JSON = enum.auto()


@dataclass(frozen=True)
class Command:
    """What the command line asks for; `parser` is the one whose usage an error shows."""

    options_class: OptionsClass
    given: Mapping[str, Given]
    unbuilt: tuple[str, ...]
    parser: Parser
    asks: Asks = Asks.RUN


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
    asks = given.pop("asks", Asks.RUN)
    if options_class is None:
        if unknown:
            speaker.error("unrecognized arguments: " + " ".join(unknown))
        speaker.print_help()
        speaker.exit(1)
    if unknown:
        speaker.error("unrecognized arguments: " + " ".join(unknown))
    if options_class is PerfTestOptions and "compare" in given:
        options_class = ComparisonOptions
        foreign = given.keys() - {option.name for option in options_of(options_class)}
        if foreign:
            speaker.error("--compare reads two reports and takes no " + _flags_of(foreign))
    return Command(options_class, given, unbuilt, speaker, asks)


def _flags_of(names: Collection[str]) -> str:
    options = options_of(PerfTestOptions)
    return ", ".join(option.flag.long for option in options if option.name in names)


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
        action=PrintCompletion,
        choices=SHELLS,
        metavar="SHELL",
        default=argparse.SUPPRESS,
        help=f"print the completion script for a shell, one of {', '.join(SHELLS)}",
    )
    parser.add_argument(
        "--print-manual",
        action=PrintManual,
        nargs=0,
        default=argparse.SUPPRESS,
        help="print the page of the manual, for man -l -",
    )
    # With no prog given, argparse would make a formatter to find out.
    commands = parser.add_subparsers(dest="subparser_name", title="commands", prog="drum")
    for options_class, purpose in _MODES:
        _add_mode(commands, options_class.run_mode.value, options_class, purpose)
    purpose = "make a model folder, or the files for its container image"
    new = commands.add_parser("new", help=purpose, description=f"{purpose.capitalize()}.")
    new.set_defaults(speaker=new)
    kinds = new.add_subparsers(dest="new_mode", title="what to make", prog="drum new")
    _add_mode(kinds, "model", NewModelOptions, "make a model folder to start from")
    _add_mode(kinds, "env", NewEnvOptions, "make the files to run a model folder in a container")
    perf_test = commands.choices[PerfTestOptions.run_mode.value]
    perf_test.add_argument_group("instead of measuring").add_argument(
        "--compare",
        nargs=2,
        metavar=("BASE.json", "NEW.json"),
        default=argparse.SUPPRESS,
        help="measure nothing; compare two reports that --json has printed",
    )
    _add_inspections(commands)
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
        usage=" ".join(usage_of(f"{commands._prog_prefix} {name}", flags)),
        epilog="\n\n".join([*variables_of(options), *_not_built(planned)]),
        add_help=False,
    )
    parser.set_defaults(options_class=options_class, speaker=parser)
    groups = {title: parser.add_argument_group(title) for title in GROUPS}
    groups["messages"].add_argument("-h", "--help", action="help", help="show this help, and end")
    for option in flags:
        add_argument(groups[group_of(options_class, option)], option)
    for flag in planned:
        parser.add_argument(
            flag.name,
            action=_Unbuilt,
            nargs=0 if flag.switch else None,
            default=argparse.SUPPRESS,
            help=argparse.SUPPRESS,
        )


def _add_inspections(commands: argparse._SubParsersAction[Parser]) -> None:
    """The ways to look at the configuration of a server without starting it."""
    ways = {
        "--check": (Asks.CHECK, "start nothing; the exit status is 0 if the server could start"),
        "--print-config": (
            Asks.EXPLAIN,
            "start nothing; print each effective value and where it came from",
        ),
    }
    server = commands.choices[ServerOptions.run_mode.value]
    group = server.add_argument_group("instead of serving").add_mutually_exclusive_group()
    for name, (asks, purpose) in ways.items():
        group.add_argument(
            name, dest="asks", action="store_const", const=asks, default=Asks.RUN, help=purpose
        )
    purpose = "show each effective value of a server's configuration, and where it came from"
    _add_mode(commands, _EXPLAIN, ServerOptions, purpose)
    explain = commands.choices[_EXPLAIN]
    explain.set_defaults(asks=Asks.EXPLAIN)
    explain.add_argument(
        "--json",
        dest="asks",
        action="store_const",
        const=Asks.EXPLAIN_AS_JSON,
        default=Asks.EXPLAIN,
        help="print it as JSON",
    )


def _not_built(planned: Sequence[PlannedFlag]) -> Iterator[str]:
    if planned:
        names = ", ".join(flag.name for flag in planned)
        text = f"Flags of DRUM that are not built yet: {names}."
        yield textwrap.fill(text, width=78, break_on_hyphens=False)
