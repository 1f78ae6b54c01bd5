"""What a server would run with: every effective value, and where it came from."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drum_core.errors import DrumError
from drum_core.model.metadata import METADATA_FILE
from drum_core.model.target import BinaryTarget, MulticlassTarget, MultilabelTarget, TextTarget
from drum_core.modes.server import check, choose_server
from drum_core.options.flag import Option, options_of
from drum_core.options.server import ServerOptions
from drum_core.results.configuration import ConfigurationResult, Setting

if TYPE_CHECKING:
    from drum_core.model.target import Target
    from drum_core.results.report import JSON

__all__ = ["explain"]

_DEFAULT: Final = "default"
_MASK: Final = "*****"


def explain(options: ServerOptions) -> ConfigurationResult:
    """Each value that `drum server` would run with; nothing is started.

    `problem` says what would keep it from starting; no error is raised for it. The values of
    secrets are never among the settings.
    """
    try:
        target: Target | None = check(options)
        problem = None
    except DrumError as error:
        target, problem = None, str(error)
    secrets = {field.name for field in dataclasses.fields(options) if not field.repr}
    derived = dict(_derived(options, target))
    settings = [
        derived.get(option.name) or _setting(options, option, secret=option.name in secrets)
        for option in options_of(type(options))
    ]
    return ConfigurationResult(settings=tuple(settings), problem=problem)


def _setting(options: ServerOptions, option: Option, *, secret: bool) -> Setting:
    value: object = getattr(options, option.name)
    source = options.sources.get(option.name, _DEFAULT)
    flag, parameter = option.flag.long, option.flag.parameter
    return Setting(
        name=option.name,
        value=_MASK if secret and value is not None else _json(value),
        source=source,
        set_by=flag or option.flag.env or (f"runtime parameter {parameter}" if parameter else ""),
    )


def _derived(options: ServerOptions, target: Target | None) -> Iterator[tuple[str, Setting]]:
    """What is not an option's own value, but follows from the folder."""
    if options.server is None:
        why = "default"
        if (name := choose_server(options)) == "gunicorn":
            why = "custom_flask.py is in the folder"
        yield "server", Setting(name="server", value=name, source=why, set_by="--server")
    if target is None:
        return
    for option in options_of(type(options)):
        found = _of_target(target).get(option.name)
        if found is not None and getattr(options, option.name) is None:
            yield (
                option.name,
                Setting(
                    name=option.name,
                    value=found,
                    source=METADATA_FILE,
                    set_by=option.flag.long or option.flag.env or "",
                ),
            )


def _of_target(target: Target) -> Mapping[str, JSON]:
    values: dict[str, JSON] = {"target_type": target.type.value}
    match target:
        case BinaryTarget(positive=positive, negative=negative):
            values |= {"positive_class_label": positive, "negative_class_label": negative}
        case MulticlassTarget(labels=labels) | MultilabelTarget(labels=labels):
            values["class_labels"] = list(labels)
        case TextTarget(name=name):
            values["target_name"] = name
        case _:
            pass
    return values


def _json(value: object) -> JSON:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case enum.Enum():
            return str(value.value)
        case Path():
            return str(value)
        case tuple() | list() | frozenset():
            return [_json(item) for item in value]
        case _:
            return str(value)
