"""Checks the values of an options object, when it is built, whoever builds it."""

from __future__ import annotations

import enum
import functools
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, cast, get_args

from drum_core.errors import OptionError
from drum_core.options.flag import Option, options_of

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from drum_core.options.base import OptionsBase

__all__ = ["validate"]


def validate(options: OptionsBase) -> None:
    """Converts each field of `options` to its type, in place, and checks its range.

    Raises `OptionError` naming the option as the user gave it.
    """
    for option in options_of(type(options)):
        label = options.sources.get(option.name, option.name)
        value = _typed(option, label, getattr(options, option.name))
        _check_range(option, label, value)
        if isinstance(value, Path):
            value = _checked_path(option, label, value)
        object.__setattr__(options, option.name, value)


def _typed(option: Option, label: str, value: object) -> object:
    from pydantic import ValidationError

    try:
        return _adapter(option).validate_python(value)
    except ValidationError as error:
        # `error` shows the value, which may be secret.
        cause = None if option.flag.secret else error
        raise OptionError(label, option.flag.shown(value), _expected(option)) from cause


@functools.cache
def _adapter(option: Option) -> TypeAdapter[object]:
    from pydantic import TypeAdapter

    return TypeAdapter(cast("type[object]", option.type))


def _check_range(option: Option, label: str, value: object) -> None:
    flag = option.flag
    if value is None:
        return
    if flag.choices is not None and value not in flag.choices:
        raise OptionError(label, value, _expected(option))
    if isinstance(value, int) and (
        (flag.minimum is not None and value < flag.minimum)
        or (flag.maximum is not None and value > flag.maximum)
    ):
        raise OptionError(label, value, _expected(option))


def _checked_path(option: Option, label: str, path: Path) -> Path:
    try:
        return _as_it_must_be(option, label, path)
    except OSError as error:
        reason = (error.strerror or "it cannot be looked at").lower()
        raise OptionError(label, str(path), f"a path that can be reached ({reason})") from error


def _as_it_must_be(option: Option, label: str, path: Path) -> Path:
    match option.flag.path:
        case "file":
            if not path.is_file():
                raise OptionError(label, str(path), "an existing file")
            return path.resolve()
        case "directory":
            if not path.is_dir():
                raise OptionError(label, str(path), "an existing directory")
            return path.resolve()
        case "absent":
            if path.exists() or path.is_symlink():
                raise OptionError(label, str(path), "a path that does not exist yet")
            return path.absolute()
        case "any":
            return path.absolute()


def _expected(option: Option) -> str:
    flag = option.flag
    kinds = {option.type, *get_args(option.type)} - {NoneType}
    if flag.choices is not None:
        return "one of " + ", ".join(flag.choices)
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return "one of " + ", ".join(str(member.value) for member in kind)
    if option.is_list:
        items = {item for kind in kinds for item in get_args(kind)}
        what = "whole numbers" if int in items else "numbers" if float in items else "texts"
        return f"a list of {what}"
    if int in kinds:
        return _expected_number(option)
    if option.is_switch:
        return "a truth value"
    if float in kinds:
        return "a number"
    return "a path" if Path in kinds else "a text"


def _expected_number(option: Option) -> str:
    flag = option.flag
    words = [word for kind in get_args(option.type) for word in get_args(kind)]
    text = "a whole number"
    if flag.minimum is not None and flag.maximum is not None:
        text += f" from {flag.minimum} to {flag.maximum}"
    elif flag.minimum is not None:
        text += f" of at least {flag.minimum}"
    return text + "".join(f", or {word}" for word in words)
