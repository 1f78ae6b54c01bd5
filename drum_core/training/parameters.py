"""The values of the hyperparameters: those of a file, checked, else the defaults."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from typing_extensions import assert_never

from drum_core.errors import InputError, OptionConflictError, listed
from drum_core.model.metadata import METADATA_FILE
from drum_core.model.schema.hyperparameters import (
    FloatHyperparameter,
    Hyperparameter,
    IntHyperparameter,
    MultiHyperparameter,
    SelectHyperparameter,
    StringHyperparameter,
    default_values,
)

if TYPE_CHECKING:
    from drum_core.results.report import JSON

__all__ = ["read_parameters"]

_LONGEST = 1024


def read_parameters(path: Path | None, definitions: Sequence[Hyperparameter]) -> Mapping[str, JSON]:
    """What the fit code is given as `parameters`.

    The values of the file, if there are any, else the defaults; as under DRUM one does not fill up
    the other. Raises `InputError` for a file that is no JSON object, `OptionConflictError` for a
    value that its definition does not allow; without definitions anything goes.
    """
    given = {} if path is None else _read(path)
    if path is None or not given:
        return dict(default_values(definitions))
    if definitions:
        known = {item.name: item for item in definitions}
        for name, value in given.items():
            if name not in known:
                raise _unknown(path, name, known)
            if (expected := _expected(known[name], value)) is not None:
                raise OptionConflictError(
                    f"{path}: the parameter {name!r} must be {expected} by {METADATA_FILE}, got "
                    f"{value!r}."
                )
    return given


def _unknown(path: Path, name: str, known: Mapping[str, Hyperparameter]) -> OptionConflictError:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return OptionConflictError(
        f"{path}: {METADATA_FILE} defines no hyperparameter {name!r}; it has "
        f"{listed(known, most=30)}.{hint}"
    )


def _read(path: Path) -> dict[str, JSON]:
    try:
        content: object = json.loads(
            path.read_bytes().decode("utf-8-sig"),
            parse_constant=_refuse_constant,
            object_pairs_hook=_refuse_repeated,
        )
    except OSError as error:
        raise InputError(f"The parameter file {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f"The parameter file {path} is not JSON: {error}.") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(
            f'The parameter file {path} must hold an object such as {{"alpha": 0.1}}, got '
            f"{type(content).__name__}."
        )
    return content


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _refuse_repeated(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise ValueError(f"{twice!r} is in one object twice")
    return found


def _expected(item: Hyperparameter, value: JSON) -> str | None:
    """What a value should have been; `None` for one that is allowed."""
    match item:
        case IntHyperparameter():
            return None if _is_int(value, item.min, item.max) else _int(item.min, item.max)
        case FloatHyperparameter():
            return None if _is_float(value, item.min, item.max) else _float(item.min, item.max)
        case StringHyperparameter():
            fits = isinstance(value, str) and len(value) <= _LONGEST
            return None if fits else f"a text of at most {_LONGEST} characters"
        case SelectHyperparameter():
            return None if _is_one_of(value, item.values, item.default) else _one_of(item.values)
        case MultiHyperparameter():
            return _expected_of_multi(item, value)
        case _:
            assert_never(item)


_Choice: TypeAlias = tuple[Callable[[], bool], str]


def _expected_of_multi(item: MultiHyperparameter, value: JSON) -> str | None:
    choices: list[_Choice] = []
    if (whole := item.values.int_range) is not None:
        choices.append((lambda: _is_int(value, whole.min, whole.max), _int(whole.min, whole.max)))
    if (number := item.values.float_range) is not None:
        choices.append(
            (lambda: _is_float(value, number.min, number.max), _float(number.min, number.max))
        )
    if (texts := item.values.selection) is not None:
        choices.append(
            (lambda: _is_one_of(value, texts.values, item.default), _one_of(texts.values))
        )
    if any(fits() for fits, _ in choices):
        return None
    return ", or ".join(said for _, said in choices) or "left out, as it has no values"


def _is_int(value: JSON, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_float(value: JSON, least: float, most: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) and least <= value <= most


def _is_one_of(value: JSON, values: Sequence[str], default: str | None) -> bool:
    """The texts of the metadata may stand for numbers and truth values of JSON."""
    texts = {value} if isinstance(value, str) else {str(value), json.dumps(value)}
    return not isinstance(value, (list, dict)) and bool(texts & {*values, default})


def _int(least: int, most: int) -> str:
    return f"a whole number from {least} to {most}"


def _float(least: float, most: float) -> str:
    return f"a number from {least:g} to {most:g}"


def _one_of(values: Sequence[str]) -> str:
    return f"one of {listed(values, most=24)}"
