"""Writes a file that appears whole or not at all."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from drum_core.errors import OutputError
from drum_core.progress import Advance

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["check_writable", "to_csv", "write_bytes", "write_whole"]

_CELLS_OF_A_CHUNK: Final = 100_000
"""As in pandas, where nothing else is asked for."""

_CHUNKS_AT_ONCE: Final = 4


def check_writable(path: Path) -> None:
    """Raises `OutputError` when a file at `path` could not be written; changes nothing there."""
    if path.is_dir():
        raise OutputError(path, "it is a directory; give the path of a file")
    if path.exists() and not path.is_file():
        return  # a device or a pipe, such as /dev/null: only writing can tell
    if not path.parent.is_dir():
        raise OutputError(path, f"the directory {path.parent} does not exist")
    if path.exists() and not os.access(path, os.W_OK):
        raise OutputError(path, "the file there may not be changed (permission denied)")
    try:
        handle, probe = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        problem = f"the directory {path.parent} cannot be written to ({error.strerror})"
        raise OutputError(path, problem) from error
    os.close(handle)
    os.unlink(probe)


def write_whole(path: Path, write: Callable[[IO[str]], object]) -> None:
    """Calls `write` with a new text file beside `path`, in UTF-8, then renames it over `path`.

    The permissions of a file that is replaced are kept. Nothing is left when `write` raises.
    Raises `OutputError` when the disk does not take it.
    """

    def write_text(file: IO[bytes]) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        write(text)
        text.flush()
        text.detach()

    _replace(path, write_text)


def write_bytes(path: Path, data: bytes) -> None:
    """Writes `data` as `write_whole` does."""
    _replace(path, lambda file: file.write(data))


def _replace(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as direct:
                write(direct)
            return
        _write_beside(path.resolve(), write)
    except OSError as error:
        raise OutputError(path, error.strerror or str(error)) from error


def _write_beside(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current


def to_csv(frame: DataFrame, file: IO[str], advance: Advance | None = None) -> None:
    """Writes a table as DRUM does: a header, no index, LF line ends, floats in full.

    `advance` is told the rows that are written, a block after the other.
    """
    # How pandas writes times depends on the others of their chunk, so its chunks are kept.
    chunk = max(1, _CELLS_OF_A_CHUNK // max(frame.shape[1], 1))
    rows = chunk * _CHUNKS_AT_ONCE
    for start in range(0, max(len(frame), 1), rows):
        block = frame.iloc[start : start + rows]
        block.to_csv(file, index=False, header=start == 0, lineterminator="\n", chunksize=chunk)
        if advance is not None:
            advance(len(block))
