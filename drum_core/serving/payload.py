"""The table in a request: the file `X` of a form, or the whole body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from drum_core.data.column_names import parse_column_names
from drum_core.data.compression import decompress
from drum_core.data.formats import FORMATS, file_kind, format_of
from drum_core.data.payload import CSV, MATRIX_MARKET, Payload
from drum_core.errors import RequestError
from drum_core.messages import Request
from drum_core.model.model import Model
from drum_core.serving.media_type import MediaType, parse_media_type
from drum_core.serving.multipart import Part, parse_form

__all__ = ["read_payload", "read_target"]

NO_SAMPLES: Final = (
    "Samples should be provided as:   - a csv or mtx under `X` form-data param key.  - binary data"
)
"""Matched by clients of DRUM, as it is."""

_CHARSET: Final = "utf-8"
"""What a score hook is told when the request names none."""


def read_payload(request: Request, model: Model) -> Payload:
    """The table in a request: the form's file `X`, or the whole body.

    Raises `RequestError` when there is none, or when it is of a format that is not read.
    """
    header = request.headers.get("Content-Type", "")
    try:
        media_type = parse_media_type(header)
    except RequestError:
        if not model.info.reads_any_format:
            raise
        media_type = MediaType(header.lower())
    if media_type.name == "multipart/form-data":
        return _form_table(request, media_type, as_it_is=model.info.reads_any_format)
    if not request.body.size or media_type.name == "application/x-www-form-urlencoded":
        raise RequestError(NO_SAMPLES)
    if format_of(media_type.name) is None and not model.info.reads_any_format:
        known = ", ".join(item.media_types[0] for item in FORMATS)
        raise RequestError(
            f"The format {media_type.name!r} is not supported. Send CSV, with the header "
            f"'Content-Type: text/csv', or one of {known}; or send a file as X of a multipart "
            "form, which is read by its extension."
        )
    return Payload(
        data=request.body.read(),
        media_type=media_type.name or CSV,
        charset=media_type.parameters.get("charset", _CHARSET),
        max_bytes=request.body.limit,
    )


def read_target(request: Request) -> Payload | None:
    """The target beside the table: the form's file `y`; `None` when there is none.

    Raises `RequestError` when the form cannot be read.
    """
    header = request.headers.get("Content-Type", "")
    if not header.lower().startswith("multipart/form-data"):
        return None
    parts = parse_form(request.body.read(), parse_media_type(header))
    part = _file(parts, "y")
    return None if part is None else _file_payload(part, request.body.limit)


def _form_table(request: Request, media_type: MediaType, *, as_it_is: bool) -> Payload:
    parts = parse_form(request.body.read(), media_type)
    part = _file(parts, "X")
    if part is None:
        raise RequestError(NO_SAMPLES)
    names = next((item.data for item in parts if item.name == "X.colnames"), None)
    return _file_payload(part, request.body.limit, names, as_it_is=as_it_is)


def _file(parts: Sequence[Part], name: str) -> Part | None:
    """The first file of that name."""
    return next((part for part in parts if part.name == name and part.file_name is not None), None)


def _file_payload(
    part: Part, limit: int | None, names: bytes | None = None, *, as_it_is: bool = False
) -> Payload:
    """A file of a form, by the extension of its name.

    Its own Content-Type says nothing: clients invent it. `names` are heeded for a sparse matrix.
    """
    kind = file_kind(part.file_name or "")
    data = part.data
    if kind.coding is not None and not as_it_is:
        data = decompress(data, kind.coding, limit=limit)
    if kind.media_type != MATRIX_MARKET:
        names = None
    return Payload(
        data=data,
        media_type=kind.media_type,
        charset=_CHARSET,
        column_names=None if names is None else parse_column_names(names),
        max_bytes=limit,
    )
