"""Text in UTF-8, and what to say of bytes that are not."""

from __future__ import annotations

from drum_core.errors import InputError

__all__ = ["decode", "not_utf8"]


def decode(data: bytes, called: str) -> str:
    """The text in `data`, without a byte-order mark. Raises `InputError`."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(not_utf8(data, error, called)) from error


def not_utf8(data: bytes, error: UnicodeDecodeError, called: str) -> str:
    """An error text that names the byte and its line; `error` may be of a part of `data`."""
    try:
        data.decode("utf-8")
        line = 0
    except UnicodeDecodeError as first:
        error = first
        line = data.count(b"\n", 0, first.start) + 1
    where = f", line {line}" if line else ""
    return (
        f"Supplied {called} input file encoding must be UTF-8. The byte "
        f"{error.object[error.start]:#04x}{where} is not; save the file as UTF-8."
    )
