"""`hyperparameters`: what a training task can be tuned with, and the values it has by default."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator
from typing_extensions import Self

from drum_core.model.schema.scalars import Number, Section, Text, Whole

__all__ = [
    "FloatHyperparameter",
    "Hyperparameter",
    "IntHyperparameter",
    "MultiHyperparameter",
    "SelectHyperparameter",
    "StringHyperparameter",
    "Value",
    "default_values",
]

Value: TypeAlias = int | float | str

_NAME_LENGTH: Final = 64
_TEXT_LENGTH: Final = 1024
_MOST_VALUES: Final = 24


def _name(value: str) -> str:
    letters = value.replace("_", "")
    if not (letters.isascii() and letters.isalpha()) or value[0] == "_" or value[-1] == "_":
        raise ValueError(
            f"expected letters and underscores, with a letter at both ends, got {value!r}"
        )
    if len(value) > _NAME_LENGTH:
        raise ValueError(f"expected at most {_NAME_LENGTH} characters, got {len(value)}")
    return value


def _short(value: str) -> str:
    if len(value) > _TEXT_LENGTH:
        raise ValueError(f"String is longer than {_TEXT_LENGTH} characters, it has {len(value)}")
    return value


def _choice(value: str) -> str:
    if not value:
        raise ValueError("expected a text of at least one character")
    return _short(value)


def _few(values: list[str]) -> list[str]:
    if not values:
        raise ValueError("expected at least one value")
    if len(values) > _MOST_VALUES:
        raise ValueError(f"list length is greater than {_MOST_VALUES}, it is {len(values)}")
    return values


_SCALAR: Final = ["string", "number", "boolean"]
_Name: TypeAlias = Annotated[
    Text,
    AfterValidator(_name),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": _NAME_LENGTH,
            "pattern": "^[A-Za-z]([A-Za-z_]*[A-Za-z])?$",
        }
    ),
]
_Short: TypeAlias = Annotated[
    Text,
    AfterValidator(_short),
    WithJsonSchema({"type": [*_SCALAR, "null"], "maxLength": _TEXT_LENGTH}),
]
_Choice: TypeAlias = Annotated[
    Text,
    AfterValidator(_choice),
    WithJsonSchema({"type": _SCALAR, "minLength": 1, "maxLength": _TEXT_LENGTH}),
]
_Choices: TypeAlias = Annotated[
    list[_Choice],
    AfterValidator(_few),
    Field(json_schema_extra={"minItems": 1, "maxItems": _MOST_VALUES}),
]


class _Named(Section):
    name: _Name = Field(description="Letters and underscores, at most 64.")


class IntHyperparameter(_Named):
    """A whole number; by default its minimum."""

    type: Literal["int"]
    min: Whole
    max: Whole
    default: Whole | None = None

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        _check_range("int", self.name, self.min, self.max, self.default)
        return self


class FloatHyperparameter(_Named):
    """A number; by default its minimum."""

    type: Literal["float"]
    min: Number
    max: Number
    default: Number | None = None

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        _check_range("float", self.name, self.min, self.max, self.default)
        return self


class StringHyperparameter(_Named):
    """A text of at most 1024 characters; empty by default."""

    type: Literal["string"]
    default: _Short | None = None


class SelectHyperparameter(_Named):
    """One of 1 to 24 texts; by default the first. The default need not be one of them."""

    type: Literal["select"]
    values: _Choices
    default: Text | None = None


class IntRange(Section):
    """The whole numbers a `multi` hyperparameter may be."""

    min: Whole
    max: Whole


class FloatRange(Section):
    """The numbers a `multi` hyperparameter may be."""

    min: Number
    max: Number


class Selection(Section):
    """The texts a `multi` hyperparameter may be."""

    values: _Choices


class MultiValues(Section):
    """What a `multi` hyperparameter may be; any of the three may be left out."""

    int_range: IntRange | None = Field(None, alias="int")
    float_range: FloatRange | None = Field(None, alias="float")
    selection: Selection | None = Field(None, alias="select")


class MultiHyperparameter(_Named):
    """A whole number, a number or one of several texts.

    By default the default of the first that it has of `float`, `int` and `select`.
    """

    type: Literal["multi"]
    values: MultiValues
    default: Text | None = None

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        if (whole := self.values.int_range) is not None:
            _check_range("int", f"{self.name}__int", whole.min, whole.max, None)
        if (number := self.values.float_range) is not None:
            _check_range("float", f"{self.name}__float", number.min, number.max, None)
        return self


Hyperparameter: TypeAlias = Annotated[
    IntHyperparameter
    | FloatHyperparameter
    | StringHyperparameter
    | SelectHyperparameter
    | MultiHyperparameter,
    Field(discriminator="type"),
]


def default_values(hyperparameters: Sequence[Hyperparameter]) -> dict[str, Value]:
    """The value of each hyperparameter that nobody set; one without any is left out."""
    found = {item.name: _default_value(item) for item in hyperparameters}
    return {name: value for name, value in found.items() if value is not None}


def _default_value(item: Hyperparameter) -> Value | None:
    match item:
        case IntHyperparameter() | FloatHyperparameter():
            return item.min if item.default is None else item.default
        case StringHyperparameter():
            return item.default or ""
        case SelectHyperparameter():
            return item.values[0] if item.default is None else item.default
        case MultiHyperparameter():
            return _multi_default(item)


def _multi_default(item: MultiHyperparameter) -> Value | None:
    if item.default is not None:
        return _typed(item.default)
    values = item.values
    if values.float_range is not None:
        return values.float_range.min
    if values.int_range is not None:
        return values.int_range.min
    return values.selection.values[0] if values.selection is not None else None


def _typed(text: str) -> Value:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


def _check_range(kind: str, name: str, least: float, most: float, default: float | None) -> None:
    if most <= least:
        raise ValueError(
            f"Invalid {kind} parameter {name}: max must be greater than min, "
            f"got min {least} and max {most}"
        )
    if default is not None and not least <= default <= most:
        raise ValueError(
            f"Invalid {kind} parameter {name}: values must be between [{least}, {most}], "
            f"got the default {default}"
        )
