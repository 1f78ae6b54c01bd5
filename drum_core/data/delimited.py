"""CSV as DRUM reads it, and the same with tabs."""

from __future__ import annotations

import csv
import io
import itertools
import logging
from typing import TYPE_CHECKING, Final, Literal

import pandas as pd

from drum_core.data.payload import Payload
from drum_core.data.text import not_utf8
from drum_core.errors import InputError, listed

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["PRECISION", "read_csv", "read_tsv"]

_logger = logging.getLogger(__name__)

_HEAD: Final = 1 << 20
"""Bytes looked at for the header and the first row."""

_OLD_PANDAS: Final = tuple(int(part) for part in pd.__version__.split(".")[:2]) < (3, 1)
PRECISION: Final[Literal["round_trip"] | None] = "round_trip" if _OLD_PANDAS else None
"""Decimal fractions become the nearest float; before pandas 3.1 that had to be asked for."""

_CALLED: Final = {",": "CSV", "\t": "tab-separated values"}


def read_csv(payload: Payload) -> DataFrame:
    """The table: commas, a header, UTF-8, types found by pandas over the whole file.

    A byte-order mark is dropped; of two columns with one name, the second is called `name.1`; in
    a table of one column, an empty line is a missing value. What the payload calls a text column
    is text also where it looks like numbers. Raises `InputError`.
    """
    return _read(payload, ",")


def read_tsv(payload: Payload) -> DataFrame:
    """As `read_csv`, with tabs between the fields."""
    return _read(payload, "\t")


def _read(payload: Payload, separator: str) -> DataFrame:
    data = payload.data
    called = _CALLED[separator]
    try:
        frame = _parse(payload, separator, skip_blank_lines=True)
        if frame.shape[1] == 1:
            frame = _parse(payload, separator, skip_blank_lines=False)
    except UnicodeDecodeError as error:
        raise InputError(not_utf8(data, error, called)) from error
    except pd.errors.ParserError as error:
        if "out of memory" in str(error):
            raise MemoryError from error
        raise InputError(_ragged(str(error), called, separator)) from error
    except pd.errors.EmptyDataError as error:
        raise InputError(f"The input has no columns; expected {called} with a header line.") from (
            error
        )
    except ValueError as error:
        raise InputError(f"The input cannot be read as {called}: {error}") from error
    _check_shape(frame, data, separator)
    return frame


def _parse(payload: Payload, separator: str, *, skip_blank_lines: bool) -> DataFrame:
    return pd.read_csv(
        io.BytesIO(payload.data),
        sep=separator,
        low_memory=False,
        float_precision=PRECISION,
        skip_blank_lines=skip_blank_lines,
        dtype=dict.fromkeys(payload.text_columns, str),
    )


def _check_shape(frame: DataFrame, data: bytes, separator: str) -> None:
    header, first = _field_counts(data, separator)
    if first > header:  # pandas would quietly take the first field for an index
        raise InputError(
            f"The rows of the {_CALLED[separator]} have more fields than its header: {first} and "
            f"{header}. Give every column a name, or quote fields that contain a "
            f"{_named(separator)}."
        )
    if frame.empty:
        raise InputError(
            f"The input has a header ({listed(frame.columns)}) but no rows; nothing to predict."
        )
    names = data[: data.find(b"\n") if b"\n" in data else None]
    if doubled := [name for name in frame.columns if _is_doubled(str(name), frame, names)]:
        _logger.warning(
            "the header has a column name twice; read the later ones as %s", listed(doubled)
        )


def _field_counts(data: bytes, separator: str) -> tuple[int, int]:
    """How many fields the header and the first row have."""
    head = io.StringIO(data[:_HEAD].decode("utf-8", "replace"), newline="")
    try:
        reader = csv.reader(head, delimiter=separator)
        records = list(itertools.islice(filter(None, reader), 2))
    except csv.Error:  # a field of over 128 KiB
        return 0, 0
    return (len(records[0]), len(records[-1])) if records else (0, 0)


def _is_doubled(name: str, frame: DataFrame, header: bytes) -> bool:
    stem, _, number = name.rpartition(".")
    return number.isdigit() and stem in frame.columns and name.encode() not in header


def _ragged(said: str, called: str, separator: str) -> str:
    """pandas's words for a row of another length, without the data."""
    detail = said.removeprefix("Error tokenizing data. C error: ").strip().rstrip(".")
    return (
        f"The input cannot be read as {called}: {detail}. Every row needs as many fields as the "
        f"header; quote fields that contain a {_named(separator)}."
    )


def _named(separator: str) -> str:
    return "comma" if separator == "," else "tab"
