"""The table in a request: the file `X` of a form, or the whole body."""

from __future__ import annotations

from typing import Final

from drum_core.data.payload import CSV, Payload
from drum_core.errors import RequestError
from drum_core.messages import Request
from drum_core.model.model import Model
from drum_core.serving.media_type import MediaType, parse_media_type
from drum_core.serving.multipart import parse_form

__all__ = ["read_payload"]

NO_SAMPLES: Final = (
    "Samples should be provided as:   - a csv or mtx under `X` form-data param key.  - binary data"
)
"""Matched by clients of DRUM, as it is."""

_TAKEN: Final = ("", CSV, "text/plain")


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
        return Payload(data=_form_table(request, media_type))
    if not request.body.size or media_type.name == "application/x-www-form-urlencoded":
        raise RequestError(NO_SAMPLES)
    if media_type.name not in _TAKEN and not model.info.reads_any_format:
        raise RequestError(
            f"The format {media_type.name!r} is not supported. Send CSV, with the header "
            "'Content-Type: text/csv', or as the file X of a multipart form."
        )
    return Payload(
        data=request.body.read(),
        media_type=media_type.name or CSV,
        charset=media_type.parameters.get("charset"),
    )


def _form_table(request: Request, media_type: MediaType) -> bytes:
    """The first file `X` of the form. Its own Content-Type says nothing: clients invent it."""
    parts = parse_form(request.body.read(), media_type)
    for part in parts:
        if part.name == "X" and part.file_name is not None:
            if part.file_name.lower().endswith(".mtx"):
                raise RequestError("Matrix Market files (.mtx) are not built yet. Send CSV.")
            return part.data
    raise RequestError(NO_SAMPLES)
