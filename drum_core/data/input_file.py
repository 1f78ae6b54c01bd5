"""The input of a batch run: a file, and what its name says of it."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Final

from drum_core.data.column_names import parse_column_names
from drum_core.data.compression import decompress
from drum_core.data.formats import file_kind
from drum_core.data.memory import out_of_memory
from drum_core.data.payload import MATRIX_MARKET, Payload
from drum_core.errors import InputError
from drum_core.progress import Advance

__all__ = ["read_bytes", "read_input"]

_BLOCK: Final = 4 * 1024 * 1024
"""Bytes read at once."""

_logger = logging.getLogger(__name__)


def read_input(
    path: Path,
    column_file: Path | None = None,
    *,
    as_it_is: bool = False,
    max_bytes: int | None = None,
    advance: Advance | None = None,
) -> Payload:
    """The file's bytes, unpacked if it is called `.gz` or `.zst`; its format by its extension.

    `column_file` has the column names of a sparse matrix. With `as_it_is`, for a model that reads
    its input itself, nothing is unpacked. `advance` is told the bytes read. Raises
    `InputError`, and `InputTooLargeError` for a file that unpacks to more than `max_bytes`.
    """
    kind = file_kind(path.name)
    data = read_bytes(path, advance)
    if kind.coding is not None and not as_it_is:
        try:
            data = decompress(data, kind.coding, limit=max_bytes)
        except MemoryError as error:
            raise out_of_memory() from error
    names = None
    if column_file is not None:
        names = parse_column_names(read_bytes(column_file))
        if kind.media_type != MATRIX_MARKET and not as_it_is:
            _logger.warning(
                "%s has column names for a Matrix Market file (.mtx); %s is none, and has its own",
                column_file,
                path.name,
            )
    return Payload(data=data, media_type=kind.media_type, column_names=names, max_bytes=max_bytes)


def read_bytes(path: Path, advance: Advance | None = None) -> bytes:
    """All of a file; `advance` is told the bytes as they come. Raises `InputError`."""
    try:
        if advance is None:
            return path.read_bytes()
        with path.open("rb") as file:
            whole = io.BytesIO()  # which gives its bytes away without a copy
            while block := file.read(_BLOCK):
                whole.write(block)
                advance(len(block))
            return whole.getvalue()
    except MemoryError as error:
        raise out_of_memory() from error
    except OSError as error:
        raise InputError(f"The input {path} cannot be read: {error.strerror}.") from error
