"""Compares tables with what a `typeSchema` requires of them."""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from typing_extensions import assert_never

from drum_core.errors import SchemaError
from drum_core.model.schema.spec import (
    ColumnCount,
    DataType,
    DataTypes,
    InputMissing,
    InputRequirement,
    InputSparse,
    OutputMissing,
    OutputRequirement,
    OutputSparse,
    TypeSchema,
)
from drum_core.options.choices import TargetType

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["check_input", "check_output", "check_target", "data_types"]

_logger = logging.getLogger(__name__)

_UNCHECKED: Final = frozenset({DataType.DATE_DURATION, DataType.COUNT_DICT, DataType.GEO})
_SPACED_SHARE: Final = 0.75
_DISTINCT_SHARE: Final = 0.05
_DISTINCT_ENOUGH: Final = 60
_IMAGES_TRIED: Final = 50
_IMAGE_STARTS: Final = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF")

_COMPARISONS: Final[Mapping[str, tuple[str, Callable[[int, Sequence[int]], bool]]]] = {
    "EQUALS": ("exactly", lambda count, wanted: count == wanted[0]),
    "NOT_EQUALS": ("other than", lambda count, wanted: count != wanted[0]),
    "IN": ("one of", lambda count, wanted: count in wanted),
    "NOT_IN": ("none of", lambda count, wanted: count not in wanted),
    "GREATER_THAN": ("more than", lambda count, wanted: count > wanted[0]),
    "LESS_THAN": ("fewer than", lambda count, wanted: count < wanted[0]),
    "NOT_GREATER_THAN": ("at most", lambda count, wanted: count <= wanted[0]),
    "NOT_LESS_THAN": ("at least", lambda count, wanted: count >= wanted[0]),
}

_SPARSE_ALLOWED: Final = frozenset({"SUPPORTED", "REQUIRED", "DYNAMIC", "ALWAYS", "IDENTITY"})
_DENSE_ALLOWED: Final = frozenset({"FORBIDDEN", "SUPPORTED", "NEVER", "DYNAMIC", "IDENTITY"})
_MISSING_REFUSED: Final = frozenset({"FORBIDDEN", "NEVER"})


def check_input(frame: DataFrame, schema: TypeSchema) -> None:
    """Raises `SchemaError` when a table is not what a task takes."""
    _check("input", frame, schema.input_requirements or ())


def check_output(frame: DataFrame, schema: TypeSchema) -> None:
    """Raises `SchemaError` when a table is not what a task has promised to give."""
    _check("output", frame, schema.output_requirements or ())


def check_target(schema: TypeSchema, target: TargetType) -> None:
    """Raises `SchemaError` when an output is described that the target type does not have."""
    if schema.output_requirements and target is not TargetType.TRANSFORM:
        raise SchemaError(
            "output",
            [
                "Specifying output_requirements in model_metadata.yaml is only valid for custom "
                f"transform tasks. The target type is {target.value}: leave them out."
            ],
        )


def _check(
    side: str, frame: DataFrame, requirements: Iterable[InputRequirement | OutputRequirement]
) -> None:
    table = _Table(frame)
    problems = [problem for item in requirements if (problem := _problem(table, item))]
    if problems:
        _logger.error(
            "Schema validation found mismatch between %s dataset and the supplied schema", side
        )
        for problem in problems:
            _logger.error("%s", problem)
        raise SchemaError(side, problems)


@dataclass(frozen=True, slots=True)
class _Table:
    frame: DataFrame

    @property
    def sparse(self) -> bool:
        import pandas as pd

        return any(isinstance(dtype, pd.SparseDtype) for dtype in self.frame.dtypes)


def _problem(table: _Table, item: InputRequirement | OutputRequirement) -> str | None:
    match item:
        case DataTypes():
            return _types_problem(table, item)
        case ColumnCount():
            words, holds = _COMPARISONS[item.condition]
            count = table.frame.shape[1]
            if holds(count, item.value):
                return None
            return (
                f"Incorrect number of columns. Expected {words} "
                f"{', '.join(str(value) for value in sorted(item.value))}, got {count}."
            )
        case InputSparse() | OutputSparse():
            kind, allowed = ("dense", _DENSE_ALLOWED)
            if table.sparse:
                kind, allowed = ("sparse", _SPARSE_ALLOWED)
            if item.value[0] in allowed:
                return None
            return f"The table is {kind}, but the schema says that sparse is {item.value[0]}."
        case InputMissing() | OutputMissing():
            return _missing_problem(table, item.value[0])
        case _:
            assert_never(item)


def _missing_problem(table: _Table, value: str) -> str | None:
    if value not in _MISSING_REFUSED or table.sparse:
        return None
    columns = [str(name) for name, missing in table.frame.isna().any().items() if missing]
    if not columns:
        return None
    return (
        f"The table has missing values (columns {', '.join(columns[:8])}), but the schema says "
        f"that contains_missing is {value}."
    )


def _types_problem(table: _Table, item: DataTypes) -> str | None:
    wanted = set(item.value) - _UNCHECKED
    if not wanted:
        return None
    present = {DataType.NUM} if table.sparse else data_types(table.frame)
    categories = {DataType.TXT}
    if not table.sparse and _only_integers(table.frame):
        categories.add(DataType.NUM)
    present, wanted = _joined(present, categories), _joined(wanted, categories)
    has = f"Datatypes incorrect. Data has types: {_names(present)}"
    match item.condition:
        case "EQUALS" if present != wanted:
            return f"{has}, but expected exactly: {_names(wanted)}."
        case "NOT_EQUALS" if present & wanted:
            return f"{has}, but expected {_names(wanted)} not to be present."
        case "IN" if not present <= wanted:
            return f"{has}, which includes values that are not in {_names(wanted)}."
        case "NOT_IN" if present & wanted:
            return f"{has}, which includes values that are in {_names(wanted)}."
        case _:
            return None


def _joined(kinds: set[DataType], categories: set[DataType]) -> set[DataType]:
    """With everything that counts as a category called one."""
    return (kinds - categories) | {DataType.CAT} if kinds & categories else kinds


def _names(kinds: Iterable[DataType]) -> str:
    return ", ".join(sorted(kind.value for kind in kinds)) or "none"


def data_types(frame: DataFrame) -> set[DataType]:
    """The kinds of columns of a dense table; truth values are numbers, with a warning."""
    from pandas.api import types

    found: set[DataType] = set()
    for name, column in frame.items():
        dtype = column.dtype
        if types.is_bool_dtype(dtype):
            _logger.warning("the column %s holds truth values, which are taken for numbers", name)
            found.add(DataType.NUM)
        elif types.is_numeric_dtype(dtype):
            found.add(DataType.NUM)
        elif types.is_datetime64_any_dtype(dtype):
            found.add(DataType.DATE)
        elif _holds_images(column):
            found.add(DataType.IMG)
        else:
            found.add(DataType.CAT)
            if _holds_text(column):
                found.add(DataType.TXT)
    return found


def _only_integers(frame: DataFrame) -> bool:
    """Whether there are numbers, and every column of them holds whole ones, whatever its type."""
    numbers = frame.select_dtypes("number")
    return numbers.shape[1] > 0 and all(
        bool((numbers[name].dropna() % 1 == 0).all()) for name in numbers.columns
    )


def _strings(column: Series) -> Series | None:
    """The texts of a column; `None` when it holds something else."""
    from pandas.api import types

    texts = column.dropna()
    kind = types.infer_dtype(texts, skipna=True)
    return texts if kind == "string" and len(texts) else None


def _holds_text(column: Series) -> bool:
    texts = _strings(column)
    if texts is None:
        return False
    rows = len(column)
    spaced = int(texts.str.contains(r"\s", regex=True).sum())
    distinct = texts.nunique()
    enough = distinct >= rows * _DISTINCT_SHARE or distinct >= _DISTINCT_ENOUGH
    return enough and spaced >= rows * _SPACED_SHARE


def _holds_images(column: Series) -> bool:
    texts = _strings(column)
    return texts is not None and all(_is_image(str(text)) for text in texts.head(_IMAGES_TRIED))


def _is_image(text: str) -> bool:
    try:
        return base64.b64decode(text, validate=True).startswith(_IMAGE_STARTS)
    except (binascii.Error, ValueError):
        return False
