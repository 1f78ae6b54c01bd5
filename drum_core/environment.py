"""The environment of the process, and its only reader."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from drum_core.errors import OptionError

__all__ = [
    "RUNTIME_PARAMETER_PREFIX",
    "environment",
    "exported",
    "parse_bool",
    "runtime_parameter",
    "variable",
    "variable_names",
]

RUNTIME_PARAMETER_PREFIX: Final = "MLOPS_RUNTIME_PARAM_"

_TRUE: Final = frozenset({"t", "true", "y", "yes", "on", "1"})
_FALSE: Final = frozenset({"f", "false", "n", "no", "off", "0"})


def environment() -> Mapping[str, str]:
    """A copy of the environment variables."""
    return dict(os.environ)


def variable(name: str) -> str | None:
    """One variable; `None` where it is not set."""
    return os.environ.get(name)


def variable_names() -> list[str]:
    """The names of all variables."""
    return list(os.environ)


@contextmanager
def exported(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets variables, for this process and its children; at the end they are as they were.

    For the command line, and to import a library that reads them then and at no other time.
    """
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, text in before.items():
            if text is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = text


def parse_bool(name: str, text: str) -> bool:
    """The truth value of `text`; raises `OptionError` naming `name` for any other word."""
    word = text.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise OptionError(name, text, "a truth value such as true, yes, 1, false, no or 0")


def runtime_parameter(name: str, environ: Mapping[str, str]) -> str | None:
    """The runtime parameter `name` as text, or `None` where it is not set or is null.

    A parameter is the variable `MLOPS_RUNTIME_PARAM_<name>`, holding the JSON object
    `{"type": …, "payload": …}`. A plain scalar is taken as well, because everybody writes
    one first. Raises `OptionError` for an object of another shape.
    """
    variable = RUNTIME_PARAMETER_PREFIX + name
    text = environ.get(variable)
    if text is None:
        return None
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, dict):
        if set(value) != {"type", "payload"}:
            raise OptionError(variable, text, 'JSON such as {"type": "string", "payload": "…"}')
        value = value["payload"]
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    raise OptionError(variable, text, "a text, number or truth value as payload")
