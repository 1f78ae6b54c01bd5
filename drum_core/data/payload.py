"""A table as it arrives: bytes and what they are said to be."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CSV", "MATRIX_MARKET", "Payload"]

CSV = "text/csv"
MATRIX_MARKET = "text/mtx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The bytes of a table, their media type in lower case, and the charset that a request names.

    `text_columns` are texts also where they look like numbers, in a format without types.
    `column_names` are those of a sparse matrix, whose format has no place for them. `max_bytes`
    is how much memory the table may take once it is read, for formats that pack rows so tightly
    that their size says nothing; `None` for no limit.
    """

    data: bytes
    media_type: str = CSV
    charset: str | None = None
    column_names: tuple[str, ...] | None = None
    text_columns: tuple[str, ...] = ()
    max_bytes: int | None = None
