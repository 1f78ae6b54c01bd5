"""JSON lines: a record in each line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drum_core.data.json_table import from_records
from drum_core.data.json_text import refuse_repeated_keys, strict_json
from drum_core.data.payload import Payload
from drum_core.errors import InputError

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["read_json_lines"]


def read_json_lines(payload: Payload) -> DataFrame:
    """The table of the records, which all have the same names; empty lines count for nothing.

    Raises `InputError` naming the line.
    """
    rows: list[object] = []
    texts: list[bytes] = []
    for number, line in enumerate(payload.data.split(b"\n"), start=1):
        if not line or line.isspace():
            continue
        row = strict_json(line, line=number)
        if not isinstance(row, dict):
            raise InputError(
                f"Line {number} of the JSON lines is no record; expected an object such as "
                '{"a": 1} in each line.'
            )
        rows.append(row)
        texts.append(line)
    refuse_repeated_keys(rows, texts, payload.data.count(b":"))
    return from_records(rows)
