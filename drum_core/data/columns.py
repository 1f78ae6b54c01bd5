"""Python values to columns of a table, for formats that have only text, number and truth value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import NoneType
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from drum_core.errors import InputError

if TYPE_CHECKING:
    from pandas import Series

__all__ = ["EXACT_INTEGERS", "column"]

EXACT_INTEGERS: Final = 2**53
"""Integers up to this size are floats without loss."""


def column(values: Sequence[object], name: object) -> Series:
    """The values as a column; `None` is a missing value.

    Integers stay integers; with missing values they become floats, or `Int64` where a float
    would lose digits. A column of both text and numbers keeps the values as they are. Raises
    `InputError` for a value that is a list or an object: a cell holds one value.
    """
    kinds = set(map(type, values))
    if kinds & {list, dict}:
        _refuse_nested(values, name)
    missing = NoneType in kinds
    kinds.discard(NoneType)
    if not kinds:
        return pd.Series(np.full(len(values), np.nan))
    if kinds == {int}:
        return _integers(values, missing=missing)
    if kinds <= {int, float}:
        return pd.Series(np.array([math.nan if item is None else item for item in values], float))
    if kinds == {bool} and not missing:
        return pd.Series(np.array(values, dtype=bool))
    filled = [math.nan if item is None else item for item in values] if missing else values
    return pd.Series(filled, dtype=None if kinds == {str} else object)


def _integers(values: Sequence[object], *, missing: bool) -> Series:
    present = [item for item in values if isinstance(item, int)]
    signed = min(present) < 0 or max(present) < 2**63
    if not missing:
        return pd.Series(np.array(values, dtype=np.int64 if signed else np.uint64))
    if max(present) <= EXACT_INTEGERS and min(present) >= -EXACT_INTEGERS:
        return pd.Series(np.array([math.nan if item is None else item for item in values], float))
    return pd.Series(list(values), dtype="Int64" if signed else "UInt64")


def _refuse_nested(values: Sequence[object], name: object) -> None:
    row = next(place for place, item in enumerate(values) if isinstance(item, (list, dict)))
    kind = "a list" if isinstance(values[row], list) else "an object"
    raise InputError(
        f"The column {name!r} has {kind} in row {row} (counted from 0); a cell of a table holds "
        "one number, text, truth value or null."
    )
