"""A request body: read once, counted while it arrives, in a temporary file when large."""

from __future__ import annotations

import tempfile
from typing import IO, Final

__all__ = ["SPOOL_BYTES", "Body", "BodyWriter"]

SPOOL_BYTES: Final = 16 * 1024 * 1024
"""Bodies up to this many bytes stay in memory; larger ones go to a temporary file."""


class Body:
    """The bytes of a request. Owned, and closed, by whoever answers the request.

    `overflowed` says that more came, or was announced, than `limit` bytes: those that are there
    are then not the whole body.
    """

    __slots__ = ("_data", "_file", "limit", "overflowed", "size")

    def __init__(
        self,
        data: bytes = b"",
        *,
        file: IO[bytes] | None = None,
        overflowed: bool = False,
        limit: int | None = None,
    ) -> None:
        self._data = data
        self._file = file
        self.size: int = len(data) if file is None else file.tell()
        self.overflowed: bool = overflowed
        self.limit: int | None = limit

    def read(self) -> bytes:
        """All the bytes, again at each call. Raises `ValueError` after `close`."""
        if self._file is None:
            return self._data
        self._file.seek(0)
        return self._file.read()

    def close(self) -> None:
        """Gives the temporary file back; safe to call again."""
        if self._file is not None:
            self._file.close()


class BodyWriter:
    """Takes a body as it arrives. A host that gives up before `finish` calls `close`."""

    __slots__ = ("_chunks", "_file", "_limit", "_overflowed", "_size")

    def __init__(self, *, limit: int | None = None, declared: int | None = None) -> None:
        self._limit = limit
        self._chunks: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._size = 0
        self._overflowed = limit is not None and declared is not None and declared > limit

    @property
    def overflowed(self) -> bool:
        """Whether the body is over the limit: reading more of it is of no use."""
        return self._overflowed

    def write(self, chunk: bytes, /) -> bool:
        """Takes a chunk; false when it, or the body as declared, is over the limit.

        Raises `OSError` when the disk is full.
        """
        if self._limit is not None and self._size + len(chunk) > self._limit:
            self._overflowed = True
        if self._overflowed:
            return False
        self._size += len(chunk)
        if self._file is None and self._size <= SPOOL_BYTES:
            self._chunks.append(chunk)
            return True
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="drum-body-")  # noqa: SIM115 - Body closes it
            self._file.writelines(self._chunks)
            self._chunks.clear()
        self._file.write(chunk)
        return True

    def finish(self) -> Body:
        """The body; the writer is of no use afterwards and needs no `close`."""
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        return Body(data, file=self._file, overflowed=self._overflowed, limit=self._limit)

    def close(self) -> None:
        """Throws away what has come."""
        if self._file is not None:
            self._file.close()
