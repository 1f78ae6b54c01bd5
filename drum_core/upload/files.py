"""The files of a model folder that are uploaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from drum_core.upload.errors import PushError

__all__ = ["FolderFiles", "StreamedFile", "files_of"]

_LEFT_OUT: Final = ("__pycache__", ".git")
"""What Python and git keep beside the code for themselves, wherever it is in the folder."""


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """The paths of files below `folder`, with their sizes; `left_out` are paths of folders."""

    folder: Path
    sizes: dict[str, int]
    left_out: tuple[str, ...]


def files_of(folder: Path) -> FolderFiles:
    """All files of a folder, hidden ones too, but for `__pycache__` and `.git`; in order.

    Raises `PushError` for what cannot be uploaded: a link to a folder, a file that cannot be
    read, something that is no file, a name that is no text.
    """
    sizes: dict[str, int] = {}
    left_out: list[str] = []
    for parent, folders, names in os.walk(folder, onerror=_unreadable):
        for name in sorted(folders):
            path = Path(parent, name)
            if name in _LEFT_OUT:
                left_out.append(path.relative_to(folder).as_posix())
            elif path.is_symlink():
                raise PushError(
                    f"{path} is a link to a folder, of which nothing would be uploaded: put the "
                    "files themselves there, or take the link out of the model folder."
                )
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in sorted(names):
            path = Path(parent, name)
            if name in _LEFT_OUT:  # a worktree of git has a file of that name
                left_out.append(path.relative_to(folder).as_posix())
            else:
                sizes[path.relative_to(folder).as_posix()] = _size(path)
    return FolderFiles(folder, sizes, tuple(left_out))


def _size(path: Path) -> int:
    try:
        path.name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise PushError(f"The name of the file {path!r} is not UTF-8: rename it.") from error
    if path.is_symlink() and not path.exists():
        raise PushError(f"{path} is a link to nothing: mend it, or take it out of the folder.")
    if not path.is_file():
        raise PushError(f"{path} is neither a file nor a folder: take it out of the model folder.")
    if not os.access(path, os.R_OK):
        raise PushError(f"{path} cannot be read, so it cannot be uploaded: permission denied.")
    return path.stat().st_size


def _unreadable(error: OSError) -> None:
    raise PushError(
        f"The folder {error.filename} cannot be read, so it cannot be uploaded: {error.strerror}."
    ) from error


class StreamedFile:
    """A file as a body of requests-toolbelt: opened when it is its turn, closed at its end.

    A folder may have more files than a process may have open. `len` is the number of bytes that
    are left, which is what the library asks for; `advance` is told of those that are read.
    """

    def __init__(self, path: Path, size: int, advance: Callable[[int], object]) -> None:
        self.len: int = size
        self._path = path
        self._advance = advance
        self._file: BinaryIO | None = None

    def read(self, size: int = -1) -> bytes:
        """The next bytes. Raises `PushError` when the file has become shorter."""
        if self._file is None:
            self._file = self._opened()
        data = self._file.read(self.len if size < 0 else min(size, self.len))
        if not data and self.len:
            self.close()
            raise PushError(f"{self._path} became shorter while it was being uploaded.")
        self.len -= len(data)
        self._advance(len(data))
        if not self.len:
            self.close()
        return data

    def close(self) -> None:
        """Gives the file back; safe to repeat."""
        if self._file is not None:
            self._file.close()

    def _opened(self) -> BinaryIO:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise PushError(f"{self._path} cannot be uploaded: {error.strerror}.") from error
