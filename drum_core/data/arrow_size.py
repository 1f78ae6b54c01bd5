"""How large the compressed buffers of Arrow IPC data are when unpacked, without unpacking them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import pyarrow as pa
import pyarrow.ipc

from drum_core.errors import InputError, InputTooLargeError

__all__ = ["check_packed_size"]

_MAGIC: Final = b"ARROW1"
_DICTIONARY_BATCH: Final = 2
_RECORD_BATCH: Final = 3


def check_packed_size(data: bytes, limit: int) -> None:
    """Raises `InputTooLargeError` when the buffers in `data` would unpack to more than `limit`.

    Each compressed buffer starts with its unpacked size, which a reader allocates before it looks
    further. Raises `InputError` for data that are no Arrow IPC.
    """
    size = 0
    try:
        for metadata, body in _file(data) if data.startswith(_MAGIC) else _stream(data):
            size += _unpacked_size(metadata, body)
            if size > limit:
                raise InputTooLargeError(limit)
    except (struct.error, IndexError) as error:
        raise InputError(
            "The input cannot be read as Arrow IPC: its structure is damaged."
        ) from error


class _Table:
    """A table of FlatBuffers, as far as is needed here (https://flatbuffers.dev/internals/)."""

    def __init__(self, data: memoryview, position: int) -> None:
        self._data = data
        self._position = position

    @classmethod
    def root(cls, data: memoryview) -> _Table:
        return cls(data, struct.unpack_from("<I", data)[0])

    def at(self, field: int) -> int | None:
        """Where a field is; `None` when it has its default."""
        vtable = self._position - struct.unpack_from("<i", self._data, self._position)[0]
        size: int = struct.unpack_from("<H", self._data, vtable)[0]
        if 4 + 2 * field >= size:
            return None
        offset: int = struct.unpack_from("<H", self._data, vtable + 4 + 2 * field)[0]
        return self._position + offset if offset else None

    def table(self, field: int) -> _Table | None:
        place = self._target(field)
        return None if place is None else _Table(self._data, place)

    def structs(self, field: int, layout: str) -> Iterator[tuple[int, ...]]:
        """The structs in a vector."""
        place = self._target(field)
        if place is None:
            return
        count: int = struct.unpack_from("<I", self._data, place)[0]
        size = struct.calcsize(layout)
        for index in range(count):
            yield struct.unpack_from(layout, self._data, place + 4 + index * size)

    def byte(self, field: int) -> int:
        place = self.at(field)
        return 0 if place is None else self._data[place]

    def _target(self, field: int) -> int | None:
        place = self.at(field)
        if place is None:
            return None
        target: int = place + struct.unpack_from("<I", self._data, place)[0]
        return target


def _stream(data: bytes) -> Iterator[tuple[memoryview, memoryview]]:
    """Metadata and body of each message of a stream."""
    for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(data)):
        yield memoryview(message.metadata), memoryview(message.body or b"")


def _file(data: bytes) -> Iterator[tuple[memoryview, memoryview]]:
    """Metadata and body of each message that the footer of a file lists."""
    view = memoryview(data)
    if not data.endswith(_MAGIC):
        raise InputError("The Arrow file is cut short: its end is missing.")
    length: int = struct.unpack_from("<i", data, len(data) - len(_MAGIC) - 4)[0]
    footer = _Table.root(view[len(data) - len(_MAGIC) - 4 - length :])
    for field in (2, 3):  # dictionaries, record batches
        for offset, metadata_size, body_size in footer.structs(field, "<qi4xq"):
            first, second = struct.unpack_from("<iI", data, offset)
            start = offset + (8 if first == -1 else 4)
            size = second if first == -1 else first
            body = view[offset + metadata_size : offset + metadata_size + body_size]
            yield view[start : start + size], body


def _unpacked_size(metadata: memoryview, body: memoryview) -> int:
    message = _Table.root(metadata)
    batch = message.table(2)
    if batch is not None and message.byte(1) == _DICTIONARY_BATCH:
        batch = batch.table(1)
    elif message.byte(1) != _RECORD_BATCH:
        return 0
    if batch is None or batch.at(3) is None:  # not compressed: no larger than it is
        return 0
    size = 0
    for offset, length in batch.structs(2, "<qq"):
        if length >= 8:
            size += max(0, struct.unpack_from("<q", body, offset)[0])
    return size
