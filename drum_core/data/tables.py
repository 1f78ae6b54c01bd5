"""Bytes to tables: CSV as DRUM reads it."""

from __future__ import annotations

import csv
import io
import itertools
import logging
from typing import TYPE_CHECKING, Final

from drum_core.errors import InputError, listed

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["read_csv"]

_logger = logging.getLogger(__name__)

_HEAD: Final = 1 << 20
"""Bytes looked at for the header and the first row."""


def read_csv(data: bytes) -> DataFrame:
    """The table in `data`: commas, a header, UTF-8, types found by pandas over the whole file.

    A byte-order mark is dropped; of two columns with one name, the second is called `name.1`; in
    a table of one column, an empty line is a missing value. Raises `InputError`.
    """
    import pandas as pd

    if not data.strip():
        raise InputError("The input is empty; expected CSV with a header line and rows.")
    try:
        frame = pd.read_csv(io.BytesIO(data), low_memory=False)
        if frame.shape[1] == 1:
            frame = pd.read_csv(io.BytesIO(data), low_memory=False, skip_blank_lines=False)
    except UnicodeDecodeError as error:
        raise InputError(_not_utf8(data, error)) from error
    except pd.errors.ParserError as error:
        raise InputError(_ragged(str(error))) from error
    except pd.errors.EmptyDataError as error:
        raise InputError("The input has no columns; expected CSV with a header line.") from error
    except ValueError as error:
        raise InputError(f"The input cannot be read as CSV: {error}") from error
    _check_shape(frame, data)
    return frame


def _check_shape(frame: DataFrame, data: bytes) -> None:
    header, first = _field_counts(data)
    if first > header:  # pandas would quietly take the first field for an index
        raise InputError(
            f"The rows of the CSV have more fields than its header: {first} and {header}. "
            "Give every column a name, or quote fields that contain a comma."
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


def _field_counts(data: bytes) -> tuple[int, int]:
    """How many fields the header and the first row have."""
    head = io.StringIO(data[:_HEAD].decode("utf-8", "replace"), newline="")
    try:
        records = list(itertools.islice(filter(None, csv.reader(head)), 2))
    except csv.Error:  # a field of over 128 KiB
        return 0, 0
    return len(records[0]), len(records[-1])


def _is_doubled(name: str, frame: DataFrame, header: bytes) -> bool:
    stem, _, number = name.rpartition(".")
    return number.isdigit() and stem in frame.columns and name.encode() not in header


def _not_utf8(data: bytes, error: UnicodeDecodeError) -> str:
    try:
        data.decode("utf-8")
        line = 0
    except UnicodeDecodeError as first:
        error = first
        line = data.count(b"\n", 0, first.start) + 1
    where = f", line {line}" if line else ""
    return (
        f"Supplied CSV input file encoding must be UTF-8. The byte {error.object[error.start]:#04x}"
        f"{where} is not; save the file as UTF-8."
    )


def _ragged(said: str) -> str:
    """pandas's words for a row of another length, without the data."""
    detail = said.removeprefix("Error tokenizing data. C error: ").strip().rstrip(".")
    return (
        f"The input cannot be read as CSV: {detail}. Every row needs as many fields as the header; "
        "quote fields that contain a comma."
    )
