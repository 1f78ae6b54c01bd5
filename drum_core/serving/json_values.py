"""Values of a table as JSON has them: exact numbers, null for what is missing, else text."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import orjson
import pandas as pd

from drum_core.errors import PredictionError

if TYPE_CHECKING:
    from pandas import Series

__all__ = ["json_value", "json_values"]

_LARGEST: Final = 2**64 - 1
_SMALLEST: Final = -(2**63)


def json_values(column: Series) -> list[object]:
    """The values of a column, ready for orjson, which writes NaN and infinities as null.

    Dates and times are as in ISO 8601, lengths of time too. Raises `PredictionError` for a value
    that JSON has no form for.
    """
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iub":
        return column.tolist()
    if isinstance(dtype, np.dtype) and dtype.kind == "f":
        return column.to_numpy(dtype=np.float64).tolist()
    return [json_value(value) for value in column.tolist()]


def json_value(value: object) -> object:
    """One value, ready for orjson; raises as `json_values`."""
    match value:
        case None | bool() | float():  # numpy's float64 is one
            return value
        case str():
            return _text(value)
        case int():
            fits = _SMALLEST <= value <= _LARGEST
            return value if fits else orjson.Fragment(str(value))
        case np.bool_() | np.integer():
            return value.item()
        case np.floating():
            return float(value)
        case decimal.Decimal():
            return orjson.Fragment(str(value)) if value.is_finite() else None
        case list() | tuple() | set() | frozenset() | np.ndarray():
            return [json_value(item) for item in _items(value)]
        case Mapping():
            return {_text(str(name)): json_value(item) for name, item in value.items()}
        case _:
            return _other(value)


def _other(value: object) -> object:
    match value:
        case _ if value is pd.NA or value is pd.NaT:
            return None
        case np.timedelta64() | np.datetime64():
            moment = pd.Series([value]).iloc[0]
            return None if moment is pd.NaT else moment.isoformat()
        case datetime.timedelta():
            return pd.Timedelta(value).isoformat()
        case datetime.date() | datetime.time():  # a pandas Timestamp is a date
            return value.isoformat()
        case bytes():
            return _decoded(value)
        case pd.Period() | pd.Interval():
            return str(value)
        case _:
            raise PredictionError(
                f"The value {value!r:.80} is a {type(value).__name__}, which JSON has no form for. "
                "Return texts, numbers, truth values, dates or None."
            )


def _items(value: Iterable[object]) -> Iterable[object]:
    return value.tolist() if isinstance(value, np.ndarray) and value.dtype.kind != "M" else value


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise PredictionError(
            f"The text {value!r:.80} has half of a character pair (a lone surrogate), which is no "
            "Unicode text."
        ) from error
    return str(value)


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise PredictionError(
            f"The bytes {value!r:.80} are not UTF-8 text, and JSON has no bytes. Return a text, "
            "in base64 for example."
        ) from error
