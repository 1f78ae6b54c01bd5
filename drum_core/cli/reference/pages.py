"""What the command line has, read from the parser and the options it is made of."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from drum_core.cli.arguments import choices_of, default_of, metavar_of
from drum_core.cli.parser import Parser, build_parser
from drum_core.environment import RUNTIME_PARAMETER_PREFIX
from drum_core.options.flag import Option, options_of

__all__ = ["CommandPage", "Entry", "Reference", "commands_text", "reference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One option. `names` is empty for one that only the environment sets.

    `value` stands for what it takes, and is empty for a switch; `variables` are environment
    variables, of which the first counts, and the one of a runtime parameter is last.
    """

    names: tuple[str, ...]
    value: str
    help: str
    choices: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    default: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPage:
    """One command: `own` are the options that no other has, by the heading of its help.

    `same_as` names a command that has all the same options, which are then not repeated.
    """

    name: str
    purpose: str
    usage: str
    own: Mapping[str, Sequence[Entry]]
    same_as: str = ""

    @property
    def takes_shared(self) -> bool:
        """Whether it is one of the commands that share options: it runs a model, or makes one."""
        return "[options]" in self.usage and self.name not in ("drum", "drum schema")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """All commands, and by heading the options of several, each with the commands that have it."""

    commands: Sequence[CommandPage]
    shared: Mapping[str, Sequence[tuple[Entry, tuple[str, ...]]]]


def reference() -> Reference:
    """The command line as it is."""
    parsers = dict(_parsers(build_parser(), "drum"))
    groups = {name: dict(_groups(parser)) for name, parser in parsers.items()}
    twins = dict(_twins(parsers))
    users: dict[Entry, list[str]] = {}
    for name in parsers.keys() - twins.keys():
        for entry in itertools.chain(*groups[name].values()):
            users.setdefault(entry, []).append(name)
    order = list(parsers)
    shared: dict[str, list[tuple[Entry, tuple[str, ...]]]] = {}
    for name, found in groups.items():
        for title, entries in found.items():
            for entry in entries:
                names = sorted(users.get(entry, ()), key=order.index)
                if len(names) > 1 and names[0] == name:
                    shared.setdefault(title, []).append((entry, tuple(names)))
    pages = [
        CommandPage(
            name=name,
            purpose=parser.description or "",
            usage=parser.usage or f"{name} [options]",
            own=_own(groups[name], users, is_twin=name in twins),
            same_as=twins.get(name, ""),
        )
        for name, parser in parsers.items()
    ]
    return Reference(commands=pages, shared=shared)


def commands_text(names: Sequence[str], found: Reference) -> str:
    """The commands that have an option, in few words."""
    sharing = [page.name for page in found.commands if page.takes_shared and not page.same_as]
    if list(names) == sharing:
        return "all"
    return ", ".join(name.removeprefix("drum ") for name in names)


def _own(
    groups: Mapping[str, Sequence[Entry]], users: Mapping[Entry, Sequence[str]], *, is_twin: bool
) -> dict[str, list[Entry]]:
    """The options that only one command has; of a twin, those that the other has not."""
    most = 0 if is_twin else 1
    found = {
        title: [entry for entry in entries if len(users.get(entry, ())) <= most]
        for title, entries in groups.items()
    }
    return {title: entries for title, entries in found.items() if entries}


def _twins(parsers: Mapping[str, Parser]) -> Iterator[tuple[str, str]]:
    """Commands that take the options of one before them, with the name of that."""
    first: dict[object, str] = {}
    for name, parser in parsers.items():
        options_class = parser.get_default("options_class")
        if options_class is not None and first.setdefault(options_class, name) != name:
            yield name, first[options_class]


def _parsers(parser: Parser, name: str) -> Iterator[tuple[str, Parser]]:
    """The parser of each command that does something, by its words."""
    nested = [item for item in parser._actions if isinstance(item, argparse._SubParsersAction)]
    if not nested or name == "drum":
        yield name, parser
    for action in nested:
        for word, sub_parser in action.choices.items():
            yield from _parsers(sub_parser, f"{name} {word}")


def _groups(parser: Parser) -> Iterator[tuple[str, list[Entry]]]:
    """The options by heading; those that must be given are the first of their command."""
    options_class = parser.get_default("options_class")
    options = {} if options_class is None else {o.name: o for o in options_of(options_class)}
    found: dict[str, list[Entry]] = {}
    for group in parser._action_groups:
        entries = [
            _entry(action, options.get(action.dest))
            for action in group._group_actions
            if action.option_strings and action.help is not argparse.SUPPRESS
            if action.dest != "help"
        ]
        title = group.title or "options"
        found.setdefault("options" if title == "required" else title, []).extend(entries)
    hidden = [_of_environment(option) for option in options.values() if not option.flag.names]
    yield from ((title, entries) for title, entries in found.items() if entries)
    if hidden:
        yield "only from the environment", hidden


def _entry(action: argparse.Action, option: Option | None) -> Entry:
    names = tuple(action.option_strings)
    if option is None:
        metavar = action.metavar or ""
        value = metavar if isinstance(metavar, str) else " ".join(metavar)
        return Entry(names=names, value=value, help=action.help or "")
    value = "" if option.is_switch else metavar_of(option) + (" …" if option.is_list else "")
    return Entry(
        names=names,
        value=value,
        help=option.flag.help,
        choices=choices_of(option) or (),
        variables=tuple(_variables(option)),
        default=default_of(option),
    )


def _of_environment(option: Option) -> Entry:
    return Entry(
        names=(),
        value="",
        help=option.flag.help,
        variables=tuple(_variables(option)),
        default=default_of(option),
    )


def _variables(option: Option) -> Iterator[str]:
    flag = option.flag
    yield from filter(None, (flag.env, flag.env_fallback))
    if flag.parameter:
        yield f"{RUNTIME_PARAMETER_PREFIX}{flag.parameter}"
