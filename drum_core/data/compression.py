"""gzip (RFC 1952) and zstd (RFC 8878): unpacked piece by piece, so that a limit can hold."""

from __future__ import annotations

import gzip
import importlib.util
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Final, TypeAlias, cast

from drum_core.errors import CompressionError, InputTooLargeError
from drum_core.registry import import_object

__all__ = ["CODINGS", "available_codings", "decompress", "unpacked"]

CODINGS: Final = ("gzip", "zstd")
"""The codings that are known, by their names in HTTP."""

_PIECE: Final = 1 << 20
"""Bytes unpacked at a time."""

_ZSTD: Final = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"

_Open: TypeAlias = Callable[[IO[bytes]], IO[bytes]]


def available_codings() -> tuple[str, ...]:
    """The codings that can be unpacked here: zstd needs Python 3.14 or an optional package."""
    try:
        has_zstd = importlib.util.find_spec(_ZSTD) is not None
    except ModuleNotFoundError:  # the package around it
        has_zstd = False
    return CODINGS if has_zstd else ("gzip",)


def unpacked(data: bytes, coding: str) -> Iterator[bytes]:
    """What `data` unpacks to, in pieces of at most 1 MiB, each made when it is asked for.

    Raises `CompressionError` for data that are damaged, cut short or of another kind,
    `MissingExtraError` when zstd is not installed.
    """
    failures: tuple[type[Exception], ...] = (EOFError, zlib.error, gzip.BadGzipFile)
    file: IO[bytes] | gzip.GzipFile
    if coding == "zstd":
        open_file = cast("_Open", import_object(f"{_ZSTD}:ZstdFile", purpose="Unpacking zstd"))
        failure = import_object(f"{_ZSTD}:ZstdError", purpose="Unpacking zstd")
        failures = (*failures, cast("type[Exception]", failure))
        file = open_file(io.BytesIO(data))
    else:
        file = gzip.GzipFile(fileobj=io.BytesIO(data))
    with file:
        while True:
            try:
                piece = file.read(_PIECE)
            except failures as error:
                raise CompressionError(coding, str(error)) from error
            if not piece:
                return
            yield piece


def decompress(data: bytes, coding: str, *, limit: int | None = None) -> bytes:
    """All that `data` unpacks to. Raises as `unpacked`, and `InputTooLargeError` over `limit`."""
    pieces: list[bytes] = []
    size = 0
    for piece in unpacked(data, coding):
        size += len(piece)
        if limit is not None and size > limit:
            raise InputTooLargeError(limit)
        pieces.append(piece)
    return b"".join(pieces)
