"""Bytes to tables, whatever their format."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, cast

from drum_core.data.formats import FORMATS, format_of
from drum_core.data.memory import out_of_memory
from drum_core.data.payload import Payload
from drum_core.errors import InputError, listed
from drum_core.registry import import_object

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["ReadTable", "read_table"]

ReadTable: TypeAlias = "Callable[[Payload], DataFrame]"
"""Reads a table of one format. Raises `InputError`."""


def read_table(payload: Payload) -> DataFrame:
    """The table in a payload: at least one row and one column, no name twice.

    Types are those the format carries; of a format without types, those found over the whole
    column. Raises `InputError` for data that are no such table, and when memory runs out,
    `InputTooLargeError` for more than `payload.max_bytes`, `MissingExtraError` when the format
    needs a package that is not installed.
    """
    found = format_of(payload.media_type)
    if found is None:
        known = ", ".join(item.media_types[0] for item in FORMATS)
        raise InputError(
            f"The input format {payload.media_type!r} is not supported. Send one of {known}, or "
            "write a read_input_data hook in custom.py that reads it."
        )
    if not payload.data or payload.data.isspace():
        header = " with a header line and rows" if found.name in ("csv", "tsv") else ""
        raise InputError(f"The input is empty; expected {found.name.upper()}{header}.")
    read = cast("ReadTable", import_object(found.reader, purpose=f"Reading {found.name} data"))
    try:
        frame = read(payload)
    except MemoryError as error:
        raise out_of_memory() from error
    _check(frame)
    return frame


def _check(frame: DataFrame) -> None:
    if not frame.shape[1]:
        raise InputError("The input has no columns; nothing to predict on.")
    if not frame.shape[0]:
        raise InputError(
            f"The input has columns ({listed(frame.columns)}) but no rows; nothing to predict."
        )
    if frame.columns.has_duplicates:
        twice = frame.columns[frame.columns.duplicated()].unique()
        raise InputError(f"The input has columns of one name: {listed(twice)}. Rename them.")
