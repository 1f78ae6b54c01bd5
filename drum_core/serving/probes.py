"""Is it alive, is it ready: answered from the state alone, at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus

from drum_core.messages import Request, Response
from drum_core.serving.admission import Admission
from drum_core.serving.answers import error_response, json_response
from drum_core.serving.errors import answer_to
from drum_core.serving.lifecycle import Lifecycle, State
from drum_core.user.masking import masked

__all__ = ["Probes"]


@dataclass(frozen=True, slots=True)
class Probes:
    """The probes of one model; none of them waits for anything.

    `hang` is why a model that is there cannot be used: its threads hang. A server in its
    place may be unwell, too. With `?verbose` each says
    besides `state`, `since`, `reason` and how many requests are `running` and `waiting`.
    """

    lifecycle: Lifecycle
    hang: Callable[[], str | None] = lambda: None
    admission: Admission = field(default_factory=Admission)

    def ping(self, request: Request) -> Response:
        """`/` and `/ping/`: OK once the model is there, also while draining; 513 if it failed."""
        if self.lifecycle.state in (State.READY, State.DRAINING):
            reason = self.lifecycle.model().unwell()
            return self._ok(request) if reason is None else self._unavailable(reason, request)
        return answer_to(self.lifecycle.unready(), more=self._more(request))

    def health(self, request: Request) -> Response:
        """`/health/`: OK while the model can be used; 503 before and after, 513 if it failed.

        503 also while too many jobs hang.
        """
        if self.lifecycle.state is not State.READY:
            return answer_to(self.lifecycle.unready(), more=self._more(request))
        return self._unless_it_hangs(request)

    def live(self, request: Request) -> Response:
        """`/livez`: OK as long as the process answers, whatever became of the model."""
        return self._ok(request)

    def ready(self, request: Request) -> Response:
        """`/readyz`: OK while requests should be sent here, else 503."""
        if self.lifecycle.state is not State.READY:
            return self._unavailable(self.lifecycle.unready(), request)
        return self._unless_it_hangs(request)

    def started(self, request: Request) -> Response:
        """`/startupz`: OK from the moment the model is there, 503 before or if it failed."""
        if self.lifecycle.state in (State.READY, State.DRAINING):
            return self._ok(request)
        return self._unavailable(self.lifecycle.unready(), request)

    def _trouble(self) -> str | None:
        """Why a model that is there cannot be used."""
        return self.hang() or self.lifecycle.model().unwell()

    def _unless_it_hangs(self, request: Request) -> Response:
        reason = self._trouble()
        return self._ok(request) if reason is None else self._unavailable(reason, request)

    def _ok(self, request: Request) -> Response:
        return json_response({"message": "OK", **self._more(request)})

    def _unavailable(self, reason: object, request: Request) -> Response:
        text = masked(f"ERROR: {reason}")
        return error_response(HTTPStatus.SERVICE_UNAVAILABLE, text, more=self._more(request))

    def _more(self, request: Request) -> Mapping[str, object]:
        if "verbose" not in request.query:
            return {}
        state = self.lifecycle.state
        ready = state is State.READY
        reason = self._trouble() if ready else str(self.lifecycle.unready())
        since = datetime.fromtimestamp(self.lifecycle.since, UTC)
        return {
            "state": state.value,
            "since": since.isoformat(timespec="milliseconds"),
            "reason": reason and masked(reason),
            "running": self.admission.running,
            "waiting": self.admission.waiting,
        }
