"""Content-Type headers: what a body is said to be (RFC 9110, section 8.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from drum_core.errors import RequestError

__all__ = ["MediaType", "parse_media_type"]

_TOKEN: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_TYPE: Final = re.compile(rf"\s*({_TOKEN}/{_TOKEN})\s*(?:;|$)")
_PARAMETER: Final = re.compile(rf';\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))')


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type in lower case, empty when none was sent, and its parameters."""

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse_media_type(header: str) -> MediaType:
    """Reads a Content-Type header; empty text is no type. Parameter names are in lower case.

    Raises `RequestError` for text that is not a media type.
    """
    if not header.strip():
        return MediaType("")
    match = _TYPE.match(header)
    if match is None:
        raise RequestError(
            f"The Content-Type header {header!r} is not a media type; send text/csv, for example."
        )
    parameters: dict[str, str] = {}
    for found in _PARAMETER.finditer(header, match.end(1)):
        name, quoted, token = found.groups()
        value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else token
        parameters.setdefault(name.lower(), value)
    return MediaType(match[1].lower(), parameters)
