"""The column names of a sparse matrix: a file beside it, one name a line."""

from __future__ import annotations

from drum_core.data.text import decode
from drum_core.errors import InputError

__all__ = ["parse_column_names"]


def parse_column_names(data: bytes) -> tuple[str, ...]:
    """The names, stripped, in order; empty lines at the end are none. Raises `InputError`."""
    lines = [line.strip() for line in decode(data, "column names").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    if "" in lines:
        raise InputError(
            f"The column names of the sparse matrix have an empty line, line "
            f"{lines.index('') + 1}; expected one name a line."
        )
    return tuple(lines)
