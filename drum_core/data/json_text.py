"""JSON (RFC 8259), read strictly: no NaN, no name twice in an object, no bytes but UTF-8."""

from __future__ import annotations

import json
from collections.abc import Iterable

import orjson

from drum_core.data.text import decode
from drum_core.errors import InputError

__all__ = ["refuse_repeated_keys", "strict_json"]

_BOM = b"\xef\xbb\xbf"


def strict_json(data: bytes, *, line: int | None = None) -> object:
    """The value in `data`. Integers beyond 64 bits are floats.

    `line` is where the text stands in a larger one, for the error. Raises `InputError`. Names that
    occur twice are found by `refuse_repeated_keys`.
    """
    try:
        value: object = orjson.loads(data.removeprefix(_BOM))
    except orjson.JSONDecodeError as error:
        decode(data, "JSON")
        where = f"line {line or error.lineno}, column {error.colno}"
        raise InputError(f"The input is not valid JSON ({where}): {error.msg}.") from error
    return value


def refuse_repeated_keys(value: object, texts: Iterable[bytes], colons: int) -> None:
    """Raises `InputError` when an object in `texts`, parsed as `value`, has a name twice.

    The parser keeps the last of them. Every name has a colon after it, so when there are no more
    `colons` than names that were kept, none is lost; only otherwise is the slow parser asked.
    """
    if colons == _names(value):
        return
    for text in texts:
        try:
            json.loads(decode(text, "JSON"), object_pairs_hook=_unique)
        except RecursionError as error:
            raise InputError("The JSON input is nested too deeply to be a table.") from error


def _names(value: object) -> int:
    """The names in the objects of the outer two levels: as many as a table has."""
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(inner, Iterable) or isinstance(inner, str):
        return 0
    count = len(value) if isinstance(value, dict) else 0
    for item in inner:
        if isinstance(item, dict):
            count += len(item)
        elif isinstance(item, list) and isinstance(value, dict):
            count += sum(len(row) for row in item if isinstance(row, dict))
    return count


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(
            f"The JSON input has an object with the name {twice!r} twice; which of its values is "
            "meant cannot be told."
        )
    return found
