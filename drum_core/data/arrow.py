"""Arrow IPC, as a stream or as a file (Feather version 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.ipc

from drum_core.data.arrow_size import check_packed_size
from drum_core.data.arrow_table import to_frame
from drum_core.data.payload import Payload
from drum_core.errors import InputError

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["read_arrow"]

_FILE = b"ARROW1"
_FEATHER_1 = b"FEA1"
_CONTINUED = b"\xff\xff\xff\xff"
_END_MARK = _CONTINUED + bytes(4)


def read_arrow(payload: Payload) -> DataFrame:
    """The table; which of the two forms it is, is seen from its first bytes.

    Raises `InputError`, `InputTooLargeError`.
    """
    data = payload.data
    if data.startswith(_FEATHER_1):
        raise InputError(
            "The input is Feather of version 1, which has been given up. Write it with a current "
            "library, as Arrow IPC (Feather version 2)."
        )
    if data.startswith(_CONTINUED) and not data.endswith(_END_MARK):
        raise InputError(
            "The input cannot be read as an Arrow IPC stream: it has no end mark, so rows may be "
            "missing. It was cut short, or its writer was not closed."
        )
    try:
        if payload.max_bytes is not None:
            check_packed_size(data, payload.max_bytes)
        table = _read(data)
        table.validate(full=True)
        return to_frame(table, payload.max_bytes)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"The input cannot be read as an Arrow IPC stream or file: {_first_line(error)}"
        ) from error


def _read(data: bytes) -> pa.Table:
    source = pa.py_buffer(data)
    if data.startswith(_FILE):
        with pa.ipc.open_file(source) as file:
            return file.read_all()
    with pa.ipc.open_stream(source) as stream:
        return stream.read_all()


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
