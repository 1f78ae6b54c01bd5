"""YAML scalars, which arrive as text, and sections whose keys are all known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

__all__ = ["Free", "Number", "Section", "Text", "Truth", "Whole", "known_keys"]

_WORDS: Final = {
    **dict.fromkeys(("yes", "true", "on", "1"), True),
    **dict.fromkeys(("no", "false", "off", "0"), False),
}


class Section(BaseModel):
    """A mapping of model-metadata.yaml. An unknown key is an error that lists the known ones."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, protected_namespaces=()
    )

    @model_validator(mode="before")
    @classmethod
    def _all_known(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            raise PydanticCustomError("not_a_mapping", "expected keys with values")
        known = known_keys(cls)
        for key in value:
            if key not in known:
                raise PydanticCustomError("unknown_key", "{key}", {"key": key, "known": known})
        return value


def known_keys(section: type[BaseModel]) -> list[str]:
    """The keys of a section, as they are written."""
    return [info.alias or name for name, info in section.model_fields.items()]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("expected a text, got a list or a mapping")
    return value


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    raise ValueError(f"expected yes, no, true or false, got {value!r}")


def _whole(value: object) -> int:
    try:
        return int(_text(value))
    except ValueError:
        raise ValueError(
            f"value can't be converted to int; expected a whole number, got {value!r}"
        ) from None


def _number(value: object) -> float:
    try:
        number = float(_text(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"value can't be converted to float; expected a number, got {value!r}")
    return number


# The JSON Schemas describe the file as an editor reads it: there, `1` is a number.
Text: TypeAlias = Annotated[
    str, BeforeValidator(_text), WithJsonSchema({"type": ["string", "number", "boolean"]})
]
"""Any scalar, as it is written."""
Truth: TypeAlias = Annotated[
    bool,
    BeforeValidator(_truth),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"enum": ["yes", "no", "on", "off", 0, 1]}]}),
]
Whole: TypeAlias = Annotated[int, BeforeValidator(_whole), WithJsonSchema({"type": "integer"})]
Number: TypeAlias = Annotated[float, BeforeValidator(_number), WithJsonSchema({"type": "number"})]
Free: TypeAlias = Annotated[object, WithJsonSchema({})]
"""Whatever is written there."""
