"""Structured prediction: a table in, one prediction a row out."""

from __future__ import annotations

from dataclasses import dataclass

from drum_core.errors import PredictionError
from drum_core.messages import Request, Response
from drum_core.serving.answers import bytes_response
from drum_core.serving.payload import read_payload
from drum_core.serving.prediction_json import prediction_json
from drum_core.serving.served import ServedModel
from drum_core.serving.target_routes import require_table

__all__ = ["PredictEndpoint"]


@dataclass(frozen=True, slots=True)
class PredictEndpoint:
    """Answers `/predict/` and its aliases."""

    served: ServedModel

    def answer(self, request: Request) -> Response:
        """The predictions as JSON; errors are raised, for the dispatcher to answer."""
        model = self.served.model()
        require_table(self.served.target)
        if model.predict is None:
            raise PredictionError(
                "This model does not predict on tables: it has neither an artifact that does nor "
                "the hook score(data, model, **kwargs)."
            )
        payload = read_payload(request, model)
        with self.served.timed():
            predictions = model.predict(payload)
        return bytes_response(prediction_json(predictions, self.served.target), "application/json")
