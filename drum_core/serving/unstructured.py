"""Unstructured requests: a body of any kind in, a body of any kind out."""

from __future__ import annotations

from dataclasses import dataclass

from drum_core.errors import PredictionError
from drum_core.messages import Request, Response
from drum_core.model.exchange import UnstructuredRequest
from drum_core.serving.answers import bytes_response
from drum_core.serving.served import ServedModel
from drum_core.serving.target_routes import require_unstructured

__all__ = ["UnstructuredEndpoint"]


@dataclass(frozen=True, slots=True)
class UnstructuredEndpoint:
    """Answers `/predictUnstructured/` and its alias."""

    served: ServedModel

    def answer(self, request: Request) -> Response:
        """What the hook returned; errors are raised, for the dispatcher to answer."""
        model = self.served.model()
        require_unstructured(self.served.target)
        if model.unstructured is None:
            raise PredictionError(
                "This model takes no unstructured requests: its custom.py has no hook "
                "score_unstructured(model, data, **kwargs)."
            )
        asked = UnstructuredRequest(
            data=request.body.read(),
            content_type=request.headers.get("Content-Type", ""),
            query=request.query,
            headers=request.headers,
        )
        with self.served.timed():
            answer = model.unstructured(asked)
        return bytes_response(answer.data, answer.content_type)
