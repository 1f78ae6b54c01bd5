"""Structured prediction: a table in, one prediction a row out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from drum_core.errors import RequestError
from drum_core.messages import Request, Response
from drum_core.serving.answers import bytes_response
from drum_core.serving.lifecycle import Lifecycle
from drum_core.serving.payload import read_payload
from drum_core.serving.prediction_json import prediction_json
from drum_core.serving.stats import Stats

__all__ = ["PredictEndpoint"]


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
