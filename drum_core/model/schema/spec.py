"""`typeSchema`: what the tables that go into and come out of a task must be like."""

from __future__ import annotations

import enum
from typing import Annotated, Final, Generic, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError
from typing_extensions import Self, TypeVar

from drum_core.model.schema.scalars import Section, Whole

__all__ = [
    "AMBIGUOUS",
    "ColumnCount",
    "Condition",
    "DataType",
    "DataTypes",
    "InputMissing",
    "InputRequirement",
    "InputSparse",
    "OutputMissing",
    "OutputRequirement",
    "OutputSparse",
    "TypeSchema",
    "default_transform_schema",
]

AMBIGUOUS: Final = "several_values"
"""The type of the validation error for several values where a condition compares with one."""


class DataType(enum.Enum):
    """What a column may hold."""

    NUM = "NUM"
    TXT = "TXT"
    CAT = "CAT"
    IMG = "IMG"
    DATE = "DATE"
    DATE_DURATION = "DATE_DURATION"
    COUNT_DICT = "COUNT_DICT"
    GEO = "GEO"


Condition: TypeAlias = Literal[
    "EQUALS",
    "NOT_EQUALS",
    "IN",
    "NOT_IN",
    "GREATER_THAN",
    "LESS_THAN",
    "NOT_GREATER_THAN",
    "NOT_LESS_THAN",
]
"""How what is found is compared with what is required."""

C = TypeVar("C", bound=str)
T = TypeVar("T")


class _OneOrMany:
    """Describes a list that may be written as its only item."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        many = {**handler(schema), "minItems": 1}
        return {"anyOf": [many["items"], many]}


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _not_empty(values: tuple[T, ...]) -> tuple[T, ...]:
    # `min_length` would count the valid items, and so find a second problem in a wrong one.
    if not values:
        raise ValueError("expected at least one value")
    return values


_Values: TypeAlias = Annotated[
    tuple[T, ...], AfterValidator(_not_empty), BeforeValidator(_as_list), _OneOrMany()
]

_Equals: TypeAlias = Literal["EQUALS"]
_Sets: TypeAlias = Literal["EQUALS", "NOT_EQUALS", "IN", "NOT_IN"]


class _Requirement(Section, Generic[C, T]):
    """One line of a type schema; `value` has several items only where the condition takes them."""

    condition: C
    value: _Values[T]

    @model_validator(mode="after")
    def _unambiguous(self) -> Self:
        if len(self.value) > 1 and self.condition not in ("IN", "NOT_IN"):
            raise PydanticCustomError(
                AMBIGUOUS,
                "the condition {condition} takes one value, got {count}; use IN or NOT_IN",
                {"condition": self.condition, "count": len(self.value)},
            )
        return self


class DataTypes(_Requirement[_Sets, DataType]):
    """Which kinds of columns there are."""

    field: Literal["data_types"]


class ColumnCount(_Requirement[Condition, Whole]):
    """How many columns there are."""

    field: Literal["number_of_columns"]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if least := [count for count in self.value if count < 0]:
            raise ValueError(f"a number of columns is not negative, got {least[0]}")
        none = ("EQUALS", "IN", "LESS_THAN", "NOT_GREATER_THAN")
        if 0 in self.value and self.condition in none:
            raise ValueError(
                f"a table has at least one column, so {self.condition} cannot be used with 0"
            )
        return self


class InputSparse(_Requirement[_Equals, Literal["FORBIDDEN", "SUPPORTED", "REQUIRED"]]):
    """Whether the input may, or must, be sparse."""

    field: Literal["sparse"]


class OutputSparse(_Requirement[_Equals, Literal["NEVER", "DYNAMIC", "ALWAYS", "IDENTITY"]]):
    """Whether the output is sparse."""

    field: Literal["sparse"]


class InputMissing(_Requirement[_Equals, Literal["FORBIDDEN", "SUPPORTED"]]):
    """Whether the input may have missing values."""

    field: Literal["contains_missing"]


class OutputMissing(_Requirement[_Equals, Literal["NEVER", "DYNAMIC"]]):
    """Whether the output can have missing values."""

    field: Literal["contains_missing"]


InputRequirement: TypeAlias = Annotated[
    DataTypes | ColumnCount | InputSparse | InputMissing, Field(discriminator="field")
]
OutputRequirement: TypeAlias = Annotated[
    DataTypes | ColumnCount | OutputSparse | OutputMissing, Field(discriminator="field")
]


class TypeSchema(Section):
    """What the tables that go into a task, and come out of it, must be like."""

    input_requirements: list[InputRequirement] | None = None
    output_requirements: list[OutputRequirement] | None = None


def default_transform_schema() -> TypeSchema:
    """What holds for the training of a transform task that says nothing itself."""
    text = {
        "input_requirements": [
            {
                "field": "data_types",
                "condition": "IN",
                "value": ["NUM", "CAT", "TXT", "DATE", "DATE_DURATION"],
            },
            {"field": "sparse", "condition": "EQUALS", "value": "FORBIDDEN"},
            {"field": "contains_missing", "condition": "EQUALS", "value": "FORBIDDEN"},
        ],
        "output_requirements": [{"field": "data_types", "condition": "EQUALS", "value": "NUM"}],
    }
    return TypeSchema.model_validate(text)
