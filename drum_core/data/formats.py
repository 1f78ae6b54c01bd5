"""The formats of tables: what each is called, and which function reads it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drum_core.data.payload import CSV, MATRIX_MARKET

__all__ = ["FORMATS", "FileKind", "Format", "available_formats", "file_kind", "format_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format. The first media type and the first extension are the ones we name.

    `reader` is an import string, so that a library is loaded only when its format comes; it may
    need `package`, which is optional.
    """

    name: str
    media_types: tuple[str, ...]
    extensions: tuple[str, ...]
    reader: str
    package: str | None = None


FORMATS: Final = (
    Format(
        name="csv",
        media_types=(CSV, "text/plain", ""),
        extensions=(".csv",),
        reader="drum_core.data.delimited:read_csv",
    ),
    Format(
        name="tsv",
        media_types=("text/tab-separated-values", "text/tsv"),
        extensions=(".tsv", ".tab"),
        reader="drum_core.data.delimited:read_tsv",
    ),
    Format(
        name="mtx",
        media_types=(MATRIX_MARKET,),
        extensions=(".mtx",),
        reader="drum_core.data.matrix_market:read_matrix_market",
        package="scipy",
    ),
    Format(
        name="arrow",
        media_types=(
            "application/vnd.apache.arrow.stream",
            "application/vnd.apache.arrow.file",
        ),
        extensions=(".arrow", ".arrows", ".feather"),
        reader="drum_core.data.arrow:read_arrow",
        package="pyarrow",
    ),
    Format(
        name="parquet",
        media_types=("application/vnd.apache.parquet", "application/x-parquet"),
        extensions=(".parquet", ".pq"),
        reader="drum_core.data.parquet:read_parquet",
        package="pyarrow",
    ),
    Format(
        name="json",
        media_types=("application/json",),
        extensions=(".json",),
        reader="drum_core.data.json_table:read_json",
    ),
    Format(
        name="jsonl",
        media_types=(
            "application/x-ndjson",
            "application/ndjson",
            "application/jsonl",
            "application/x-jsonlines",
        ),
        extensions=(".jsonl", ".ndjson"),
        reader="drum_core.data.json_lines:read_json_lines",
    ),
)

_BY_MEDIA_TYPE: Final = {name: item for item in FORMATS for name in item.media_types}
_BY_EXTENSION: Final = {name: item for item in FORMATS for name in item.extensions}

_COMPRESSED: Final[Mapping[str, str]] = {".gz": "gzip", ".zst": "zstd"}


@dataclass(frozen=True, slots=True)
class FileKind:
    """What the name of a file says of it: the media type, and the coding it is packed with."""

    media_type: str
    coding: str | None = None


def format_of(media_type: str) -> Format | None:
    """The format with that media type, in lower case; `None` for one that is not read."""
    return _BY_MEDIA_TYPE.get(media_type)


def file_kind(name: str) -> FileKind:
    """What a file is by its extension, in any case: `rows.PARQUET`, `rows.csv.gz`.

    A name that says nothing means CSV.
    """
    stem, suffix = _split(name.lower())
    coding = _COMPRESSED.get(suffix)
    if coding is not None:
        _, suffix = _split(stem)
    known = _BY_EXTENSION.get(suffix)
    return FileKind(known.media_types[0] if known else CSV, coding)


def available_formats() -> list[str]:
    """The names of the formats whose optional package, if any, is installed."""
    return [
        item.name
        for item in FORMATS
        if item.package is None or importlib.util.find_spec(item.package) is not None
    ]


def _split(name: str) -> tuple[str, str]:
    stem, dot, suffix = name.rpartition(".")
    return (stem, dot + suffix) if dot else (name, "")
