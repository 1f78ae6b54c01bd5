"""Structured prediction: a table in, one prediction a row out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from drum_core.data.payload import CSV, Payload
from drum_core.errors import RequestError
from drum_core.messages import Request, Response
from drum_core.model.model import Model
from drum_core.serving.answers import bytes_response
from drum_core.serving.lifecycle import Lifecycle
from drum_core.serving.media_type import MediaType, parse_media_type
from drum_core.serving.multipart import parse_form
from drum_core.serving.prediction_json import prediction_json
from drum_core.serving.stats import Stats

__all__ = ["PredictEndpoint"]

NO_SAMPLES: Final = (
    "Samples should be provided as:   - a csv or mtx under `X` form-data param key.  - binary data"
)
"""Matched by clients of DRUM, as it is."""

_TAKEN: Final = ("", CSV, "text/plain")


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictEndpoint:
    """Answers `/predict/` and its aliases."""

    lifecycle: Lifecycle
    stats: Stats
    clock: Callable[[], float]

    def answer(self, request: Request) -> Response:
        """The predictions as JSON; errors are raised, for the dispatcher to answer."""
        model = self.lifecycle.model()
        if model.predict is None:
            raise RequestError("This model does not predict on tables.")
        payload = read_payload(request, model)
        started = self.clock()
        predictions = model.predict(payload)
        self.stats.predicted(self.clock() - started)
        return bytes_response(prediction_json(predictions), "application/json")


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
