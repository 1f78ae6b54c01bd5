"""Transform requests: a table in, a form with the transformed table out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drum_core.data.sparse import matrix_market
from drum_core.errors import PredictionError
from drum_core.messages import Request, Response
from drum_core.model.exchange import Transformed
from drum_core.request_record import Stage, note_rows
from drum_core.serving.answers import bytes_response
from drum_core.serving.form import FormField, write_form
from drum_core.serving.payload import read_payload, read_target
from drum_core.serving.served import ServedModel
from drum_core.serving.target_routes import require_transform

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["TransformEndpoint", "transformed_form"]


@dataclass(frozen=True, slots=True)
class TransformEndpoint:
    """Answers `/transform/`."""

    served: ServedModel

    def answer(self, request: Request) -> Response:
        """The transformed table as a form; errors are raised, for the dispatcher to answer."""
        model = self.served.model()
        require_transform(self.served.target)
        if model.transform is None:
            raise PredictionError("This model does not transform tables.")
        with Stage("read"):
            payload, target = read_payload(request, model), read_target(request)
        with self.served.timed():
            transformed = model.transform(payload, target)
        note_rows(len(transformed.table))
        with Stage("write"):
            form = write_form(transformed_form(transformed))
        return bytes_response(*form)


def transformed_form(transformed: Transformed) -> list[FormField]:
    """The parts of the answer, in the order of DRUM.

    A dense table is CSV, a sparse one is Matrix Market with its column names apart. Raises
    `PredictionError` for a sparse table that cannot be written so.
    """
    if transformed.sparse:
        names = _names(transformed.table)
        parts = [
            FormField("X.format", b"sparse"),
            FormField("X.transformed", matrix_market(transformed.table), is_file=True),
            FormField("X.colnames", "\n".join(names).encode(), is_file=True),
        ]
    else:
        parts = [
            FormField("X.format", b"csv"),
            FormField("X.transformed", _csv(transformed.table), is_file=True),
        ]
    if transformed.target is not None:
        parts.append(FormField("y.format", b"csv"))
        parts.append(FormField("y.transformed", _csv(transformed.target), is_file=True))
    return parts


def _csv(frame: DataFrame) -> bytes:
    """CRLF between lines, none at the end."""
    text = frame.to_csv(index=False, lineterminator="\r\n")
    return text.removesuffix("\r\n").encode()


def _names(frame: DataFrame) -> list[str]:
    """Column names of one line each."""
    names = [str(name).strip().replace("\n", "\\n") for name in frame.columns]
    if blank := [place for place, name in enumerate(names) if not name]:
        raise PredictionError(
            f"The column {blank[0]} of the transformed table, counted from 0, has a blank name. "
            "Give every column a name."
        )
    return names
