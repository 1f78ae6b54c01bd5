"""Where the value of an option comes from: flag, environment, runtime parameter or default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from drum_core.environment import RUNTIME_PARAMETER_PREFIX, parse_bool, runtime_parameter
from drum_core.options.flag import Option

__all__ = ["Given", "Resolved", "resolve"]

Given: TypeAlias = "str | list[str] | bool"
"""A value as the parser gives it: text, several texts, or that a switch was there."""

_SAME_THING: Final[Mapping[str, str]] = {
    "class_labels": "class_labels_file",
    "class_labels_file": "class_labels",
    "monitor": "monitor_embedded",
    "monitor_embedded": "monitor",
    "server_token_file": "server_token",
    "server_token": "server_token_file",
}
"""Options of which only one may be given: a flag for one silences the variable of the other."""


@dataclass
class Resolved:
    """The values to build an options object from, and where each came from."""

    values: dict[str, Given] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def missing(self, options: tuple[Option, ...]) -> list[str]:
        """The flags that must be given and are not."""
        return [
            "/".join(option.flag.names)
            for option in options
            if option.flag.required and option.name not in self.values
        ]


def resolve(
    options: tuple[Option, ...], given: Mapping[str, Given], environ: Mapping[str, str]
) -> Resolved:
    """Decides for each option where its value comes from.

    Flag, variable (an empty one is not there, unless the option counts it), runtime parameter, in
    this order; a parameter that wins comes first, and a warning says so where it overrides another
    value. An option that is nowhere is left to its default. Raises `OptionError` for a variable or
    parameter that cannot be read.
    """
    resolved = Resolved()
    for option in options:
        found = _from_parameter(option, environ) if option.flag.parameter_wins else None
        spoken = _from_flag(option, given) or _from_variable(option, given, environ)
        if found and spoken and found[0] != spoken[0]:
            resolved.warnings.append(
                f"{found[1]} is {option.flag.shown(found[0])!r} and overrides {spoken[1]}, "
                f"which is {option.flag.shown(spoken[0])!r}."
            )
        found = found or spoken or _from_parameter(option, environ)
        if spoken and option.flag.secret and option.name in given:
            resolved.warnings.append(
                f"{spoken[1]} on the command line can be read by every user of this machine: set "
                f"the variable {option.flag.env} instead."
            )
        if found:
            resolved.values[option.name], resolved.sources[option.name] = found
    return resolved


def _from_flag(option: Option, given: Mapping[str, Given]) -> tuple[Given, str] | None:
    if option.name not in given:
        return None
    return given[option.name], option.flag.long


def _from_variable(
    option: Option, given: Mapping[str, Given], environ: Mapping[str, str]
) -> tuple[Given, str] | None:
    names = [name for name in (option.flag.env, option.flag.env_fallback) if name]
    empty = option.flag.empty_counts
    name = next((name for name in names if environ.get(name) or (empty and name in environ)), None)
    if name is None or _SAME_THING.get(option.name) in given:
        return None
    text = environ[name]
    if option.is_list:
        return text.split(), name
    return (parse_bool(name, text) if option.is_switch else text), name


def _from_parameter(option: Option, environ: Mapping[str, str]) -> tuple[Given, str] | None:
    name = option.flag.parameter
    text = runtime_parameter(name, environ) if name else None
    if name is None or text is None:
        return None
    source = RUNTIME_PARAMETER_PREFIX + name
    if option.is_list:
        return text.split(), source
    return (parse_bool(source, text) if option.is_switch else text), source
