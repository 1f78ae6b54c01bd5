"""A table as one JSON value: records, pandas's split form, or MLflow's request bodies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import pandas as pd

from drum_core.data.columns import column
from drum_core.data.json_text import refuse_repeated_keys, strict_json
from drum_core.data.payload import Payload
from drum_core.errors import InputError, listed

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["from_records", "read_json"]

_FORMS: Final = (
    "a list of records such as [{\"a\": 1}], pandas's split form with 'columns' and 'data', or one "
    "of MLflow's 'dataframe_split', 'dataframe_records', 'instances' and 'inputs'"
)


def read_json(payload: Payload) -> DataFrame:
    """The table in a JSON text; a list of records, split, or a form of MLflow's scoring server.

    Dates stay text. The `index` of the split form is left out: it is no column. Raises
    `InputError`.
    """
    data = payload.data
    value = strict_json(data)
    refuse_repeated_keys(value, [data], data.count(b":"))
    if isinstance(value, list):
        return from_records(value)
    if not isinstance(value, dict):
        raise InputError(f"The JSON input is {_kind(value)}; expected {_FORMS}.")
    if "columns" in value and "data" in value:
        return _from_split(value)
    wrapped = [name for name in value if name in _WRAPPED]
    if not wrapped:
        raise InputError(
            f"The JSON input is an object with {listed(value) or 'no names'}; expected {_FORMS}."
        )
    if len(value) > 1:
        others = [name for name in value if name != wrapped[0]]
        raise InputError(
            f"The JSON input has {listed(others)} beside {wrapped[0]!r}; a table is all that is "
            "taken, so leave that out."
        )
    return _WRAPPED[wrapped[0]](value[wrapped[0]])


def from_records(rows: Sequence[object]) -> DataFrame:
    """A table of records, which all have the same names. Raises `InputError`."""
    if not rows:
        raise InputError("The input has no rows; nothing to predict.")
    records = [_mapping(row, place) for place, row in enumerate(rows)]
    names = records[0].keys()
    for place, record in enumerate(records):
        if record.keys() != names:
            raise InputError(_unequal(records[0], record, place))
    return _frame({name: [record[name] for record in records] for name in names}, len(rows))


def _from_split(value: object) -> DataFrame:
    if not isinstance(value, dict) or not {"columns", "data"} <= set(value):
        raise InputError("Expected an object with 'columns' and 'data', pandas's split form.")
    if others := set(value) - {"columns", "data", "index"}:
        raise InputError(f"The split form has {listed(sorted(others))}, which it does not know.")
    names, rows, index = value["columns"], value["data"], value.get("index")
    if not isinstance(names, list) or not isinstance(rows, list):
        raise InputError("'columns' and 'data' of the split form must be lists.")
    if isinstance(index, list) and len(index) != len(rows):
        raise InputError(f"'index' has {len(index)} entries for {len(rows)} rows of 'data'.")
    for name in names:
        if isinstance(name, bool) or not isinstance(name, (str, int)):
            raise InputError(f"A column name must be a text or an integer, got {name!r}.")
    if len(set(names)) < len(names):
        twice = sorted({str(name) for name in names if names.count(name) > 1})
        raise InputError(f"The input has columns of one name: {listed(twice)}. Rename them.")
    return _from_rows(rows, names)


def _from_rows(rows: Sequence[object], names: Sequence[object]) -> DataFrame:
    """A table of lists, each as long as there are names."""
    if not rows:
        raise InputError(f"The input has columns ({listed(names)}) but no rows.")
    for place, row in enumerate(rows):
        if not isinstance(row, list):
            raise InputError(f"Row {place} (counted from 0) is {_kind(row)}; expected a list.")
        if len(row) != len(names):
            raise InputError(
                f"Row {place} (counted from 0) has {len(row)} values for {len(names)} columns "
                f"({listed(names)})."
            )
    cells: list[list[object]] = [row for row in rows if isinstance(row, list)]
    columns = zip(*cells, strict=True)
    return _frame(dict(zip(names, map(list, columns), strict=True)), len(rows))


def _from_instances(value: object) -> DataFrame:
    """Row by row: records, lists of values, or one value each; nameless columns are numbered."""
    if not isinstance(value, list):
        raise InputError(f"'instances' and 'inputs' hold a list of rows, got {_kind(value)}.")
    if value and isinstance(value[0], dict):
        return from_records(value)
    if value and isinstance(value[0], list):
        return _from_rows(value, range(len(value[0])))
    return _from_rows([[item] for item in value], range(1))


def _from_inputs(value: object) -> DataFrame:
    """Column by column, `{"a": [1, 2]}`, or rows as in `instances`."""
    if not isinstance(value, dict):
        return _from_instances(value)
    for name, values in value.items():
        if not isinstance(values, list):
            raise InputError(
                f"'inputs' has {_kind(values)} at {name!r}; expected a list of values."
            )
    lengths = {name: len(values) for name, values in value.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name!r} has {count}" for name, count in list(lengths.items())[:8])
        raise InputError(f"The columns of 'inputs' are of unequal length: {said}.")
    return _frame(value, next(iter(lengths.values()), 0))


def _from_wrapped_records(value: object) -> DataFrame:
    if not isinstance(value, list):
        raise InputError(f"'dataframe_records' holds a list of records, got {_kind(value)}.")
    return from_records(value)


_Wrapped: TypeAlias = "Callable[[object], DataFrame]"

_WRAPPED: Final[Mapping[str, _Wrapped]] = {
    "dataframe_split": _from_split,
    "dataframe_records": _from_wrapped_records,
    "instances": _from_instances,
    "inputs": _from_inputs,
}


def _frame(columns: Mapping[object, list[object]], rows: int) -> DataFrame:
    made = {name: column(values, name) for name, values in columns.items()}
    return pd.DataFrame(made, index=pd.RangeIndex(rows))


def _mapping(row: object, place: int) -> dict[str, object]:
    if not isinstance(row, dict):
        raise InputError(
            f"Row {place} (counted from 0) is {_kind(row)}; expected a record such as "
            '{"a": 1}, from column name to value.'
        )
    return row


def _unequal(first: Mapping[str, object], record: Mapping[str, object], place: int) -> str:
    missing = [name for name in first if name not in record]
    added = [name for name in record if name not in first]
    said = [f"lacks {listed(missing)}"] if missing else []
    said += [f"has {listed(added)}, which row 0 has not"] if added else []
    return (
        f"The records have unequal columns: row {place} (counted from 0) {' and '.join(said)}. "
        "Give every record every column, with null for a missing value."
    )


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"
