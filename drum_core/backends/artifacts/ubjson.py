"""Whether bytes are one whole UBJSON object, as XGBoost writes its models.

XGBoost does not look where such a file ends: one that is cut short may end the process, or keep it
busy for ever.
"""

from __future__ import annotations

from typing import Final

__all__ = ["require_whole"]

_SIZES: Final = {
    **dict.fromkeys(b"TFZN", 0),
    **dict.fromkeys(b"iUC", 1),
    **dict.fromkeys(b"I", 2),
    **dict.fromkeys(b"ld", 4),
    **dict.fromkeys(b"LD", 8),
}
"""Bytes behind a marker."""

_INTEGERS: Final = frozenset(b"iUIlL")


def require_whole(data: bytes) -> None:
    """Raises `ValueError` unless the data are one object with nothing behind it.

    Arrays of numbers, which most of a model is, are passed over at once.
    """
    if data[:1] != b"{":
        raise ValueError("it is not a UBJSON object")
    end = _value_end(data, 0)
    if end != len(data):
        raise ValueError(f"it should have {end} bytes, but has {len(data)}")


def _value_end(data: bytes, place: int) -> int:
    marker = _byte(data, place)
    if marker in _SIZES:
        return place + 1 + _SIZES[marker]
    match marker:
        case 0x53:  # S, a text
            length, place = _length(data, place + 1)
            return place + length
        case 0x5B:  # [
            return _array_end(data, place + 1)
        case 0x7B:  # {
            return _object_end(data, place + 1)
        case _:
            raise ValueError(f"the byte {place} is no UBJSON value")


def _object_end(data: bytes, place: int) -> int:
    while _byte(data, place) != 0x7D:  # }
        length, place = _length(data, place)
        place = _value_end(data, place + length)
    return place + 1


def _array_end(data: bytes, place: int) -> int:
    size = None
    if _byte(data, place) == 0x24:  # $, one type for all
        size = _SIZES.get(_byte(data, place + 1))
        place += 2
    if _byte(data, place) == 0x23:  # #, a count instead of an end
        count, place = _length(data, place + 1)
        if size is not None:
            return place + size * count
        for _ in range(count):
            place = _value_end(data, place)
        return place
    while _byte(data, place) != 0x5D:  # ]
        place = _value_end(data, place)
    return place + 1


def _length(data: bytes, place: int) -> tuple[int, int]:
    """A length, and where it ends."""
    marker = _byte(data, place)
    if marker not in _INTEGERS:
        raise ValueError(f"the byte {place} should start a length")
    end = place + 1 + _SIZES[marker]
    length = int.from_bytes(data[place + 1 : end], "big", signed=marker != 0x55)
    if length < 0:
        raise ValueError(f"the length at byte {place} is negative")
    return length, end


def _byte(data: bytes, place: int) -> int:
    if place >= len(data):
        raise ValueError(f"it ends after {len(data)} bytes, in the middle")
    return data[place]
