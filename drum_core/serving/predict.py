"""Structured prediction: a table in, one prediction a row out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from drum_core.data.predictions import Predictions
from drum_core.errors import PredictionError
from drum_core.messages import Request, Response
from drum_core.model.target import Target
from drum_core.request_record import Stage, note_rows
from drum_core.serving.answers import bytes_response
from drum_core.serving.payload import read_payload
from drum_core.serving.prediction_json import prediction_json
from drum_core.serving.served import ServedModel
from drum_core.serving.target_routes import require_table

__all__ = ["AnswerJSON", "PredictEndpoint"]

AnswerJSON: TypeAlias = Callable[[Predictions, Target | None], bytes]
"""Writes predictions as the JSON of an answer. Raises `PredictionError`."""


@dataclass(frozen=True, slots=True)
class PredictEndpoint:
    """Answers `/predict/` and its aliases."""

    served: ServedModel
    answer_json: AnswerJSON = prediction_json

    def answer(self, request: Request) -> Response:
        """The predictions as JSON; errors are raised, for the dispatcher to answer."""
        model = self.served.model()
        require_table(self.served.target)
        if model.predict is None:
            raise PredictionError(
                "This model does not predict on tables: it has neither an artifact that does nor "
                "the hook score(data, model, **kwargs)."
            )
        with Stage("read"):
            payload = read_payload(request, model)
        with self.served.timed():
            predictions = model.predict(payload)
        note_rows(predictions.rows)
        with Stage("write"):
            body = self.answer_json(predictions, self.served.target)
        return bytes_response(body, "application/json")
