"""Is it alive, is it ready: answered from the state alone, at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from drum_core.messages import Request, Response
from drum_core.serving.answers import error_response, json_response
from drum_core.serving.errors import answer_to
from drum_core.serving.lifecycle import Lifecycle, State

__all__ = ["Probes"]


@dataclass(frozen=True, slots=True)
class Probes:
    """The probes of one model; none of them waits for anything.

    `hang` is why a model that is there cannot be used: its threads hang.
    """

    lifecycle: Lifecycle
    hang: Callable[[], str | None] = lambda: None

    def ping(self, _request: Request) -> Response:
        """`/` and `/ping/`: OK once the model is there, also while draining; 513 if it failed."""
        if self.lifecycle.state in (State.READY, State.DRAINING):
            return _ok()
        return answer_to(self.lifecycle.unready())

    def health(self, _request: Request) -> Response:
        """`/health/`: OK while the model can be used; 503 before and after, 513 if it failed.

        503 also while too many jobs hang.
        """
        if self.lifecycle.state is not State.READY:
            return answer_to(self.lifecycle.unready())
        reason = self.hang()
        return _ok() if reason is None else _unavailable(reason)

    def live(self, _request: Request) -> Response:
        """`/livez`: OK as long as the process answers, whatever became of the model."""
        return _ok()

    def ready(self, _request: Request) -> Response:
        """`/readyz`: OK while requests should be sent here, else 503."""
        if self.lifecycle.state is not State.READY:
            return _unavailable(self.lifecycle.unready())
        reason = self.hang()
        return _ok() if reason is None else _unavailable(reason)

    def started(self, _request: Request) -> Response:
        """`/startupz`: OK from the moment the model is there, 503 before or if it failed."""
        if self.lifecycle.state in (State.READY, State.DRAINING):
            return _ok()
        return _unavailable(self.lifecycle.unready())


def _unavailable(reason: object) -> Response:
    return error_response(HTTPStatus.SERVICE_UNAVAILABLE, f"ERROR: {reason}")


def _ok() -> Response:
    return json_response({"message": "OK"})
