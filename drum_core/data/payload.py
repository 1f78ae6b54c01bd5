"""A table as it arrives: bytes and what they are said to be."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CSV", "Payload"]

CSV = "text/csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The bytes of a table, their media type in lower case, and the charset if one was named.

    `column_names` are those of a sparse matrix, whose format has no place for them.
    """

    data: bytes
    media_type: str = CSV
    charset: str | None = None
    column_names: tuple[str, ...] | None = None
