"""An Arrow table as a pandas one, with the types that its schema says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from drum_core.data.columns import EXACT_INTEGERS
from drum_core.errors import InputError, InputTooLargeError, listed

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["refuse_repeated_names", "to_frame"]

_INDEX: Final = re.compile(r"__index_level_\d+__")
"""What pandas calls the column it keeps a nameless index in."""

_NULLABLE: Final[Mapping[pa.DataType, pd.Int64Dtype | pd.UInt64Dtype]] = {
    pa.int64(): pd.Int64Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
}


def to_frame(table: pa.Table, max_bytes: int | None = None) -> DataFrame:
    """The table in pandas, in the types of its schema, not of pandas's remarks in it.

    Integers with nulls become floats, or nullable integers where a float would lose digits; truth
    values with nulls are objects; dates are `datetime64`; dictionaries are categories. A nameless
    index that pandas has stored is left out. Raises `InputTooLargeError`.
    """
    refuse_repeated_names(table.column_names)
    if table.schema.metadata and b"pandas" in table.schema.metadata:
        kept = [name for name in table.column_names if not _INDEX.fullmatch(name)]
        table = table.select(kept)
    if max_bytes is not None and _frame_bytes(table) > max_bytes:
        raise InputTooLargeError(max_bytes)
    frame = table.to_pandas(ignore_metadata=True, date_as_object=False)
    for place, field in enumerate(table.schema):
        if table.column(place).null_count:
            replaced = _with_nulls(table.column(place), field.type)
            if replaced is not None:
                frame.isetitem(place, replaced.array)
    return frame


def refuse_repeated_names(names: list[str]) -> None:
    """Raises `InputError` when two columns have one name."""
    twice = {name for name, count in Counter(names).items() if count > 1}
    if twice:
        raise InputError(
            f"The input has columns of one name: {listed(sorted(twice))}. Rename them."
        )


def _with_nulls(column: pa.ChunkedArray[Any], kind: pa.DataType) -> Series | None:
    """The column, where pandas's default for missing values is not the right one."""
    if pa.types.is_null(kind):
        return pd.Series(np.full(len(column), np.nan))
    if pa.types.is_boolean(kind):
        values = [np.nan if item is None else item for item in column.to_pylist()]
        return pd.Series(values, dtype=object)
    if kind in _NULLABLE:
        low, high = pc.min(column).as_py(), pc.max(column).as_py()
        if low is not None and (low < -EXACT_INTEGERS or high > EXACT_INTEGERS):
            return column.to_pandas(types_mapper=_NULLABLE.get)
    return None


def _frame_bytes(table: pa.Table) -> int:
    """What the columns take in pandas, at least: rows that are stored as nothing take space."""
    count = table.nbytes
    for field in table.schema:
        try:
            width = field.type.bit_width
        except ValueError:  # of variable width: a pointer each
            width = 64
        count = max(count, 0) + table.num_rows * max(width, 8) // 8
    return count
