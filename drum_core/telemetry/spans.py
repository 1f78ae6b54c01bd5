"""One span for each request that runs the model, its parent where the client's trace is."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from drum_core.errors import HookFailedError
from drum_core.messages import Request, RoutePolicy
from drum_core.request_record import RequestRecord, current_record
from drum_core.user.masking import masked

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

__all__ = ["Spans", "record_failure"]

_NAMES: Final[Mapping[str, str]] = {
    "predict": "drum.invocations",
    "transform": "drum.transform",
    "predict_unstructured": "drum.predictUnstructured",
    "chat": "drum.chat.completions",
    "forward_request": "drum.directAccess",
}
"""By the name of a route, as DRUM calls them; other routes have no span."""
_CONSUMER: Final = (
    ("X-DataRobot-Consumer-Id", "gen_ai.request.consumer_id"),
    ("X-DataRobot-Consumer-Type", "gen_ai.request.consumer_type"),
)


class Spans:
    """A watch that makes a span for a request, current in all that is done for it.

    `routes` are paths by the name of a route, `facts` attributes of every span.
    """

    def __init__(
        self, tracer: Tracer, routes: Mapping[str, str], facts: Mapping[str, str | int]
    ) -> None:
        self._tracer = tracer
        self._routes = routes
        self._facts = facts

    def watch(self, name: str, policy: RoutePolicy, request: Request) -> Callable[[int], None]:
        """A `Watch`. The context that it changes is the request's own, and ends with it."""
        record = current_record.get()
        span_name = _NAMES.get(name)
        if record is None or span_name is None or request.method == "OPTIONS":
            return lambda status: None
        from opentelemetry import context, trace

        span = self._tracer.start_span(
            span_name,
            context=_parent(request),
            attributes=self._attributes(name, request, record),
            start_time=time.time_ns() - int((time.monotonic() - record.began) * 1e9),
        )
        context.attach(trace.set_span_in_context(span))
        told = span.get_span_context()
        if told.is_valid:
            record.trace_id, record.span_id = f"{told.trace_id:032x}", f"{told.span_id:016x}"

        def ended(status: int) -> None:
            _finish(span, record, status)

        return ended

    def _attributes(
        self, name: str, request: Request, record: RequestRecord
    ) -> dict[str, str | int]:
        headers = request.headers
        told = {key: headers[field] for field, key in _CONSUMER if field in headers}
        return {
            **self._facts,
            "http.request.method": request.method,
            "http.route": self._routes.get(name, name),
            "url.path": request.path,
            "http.request.body.size": request.body.size,
            "drum.request_id": record.request_id,
            **told,
        }


def _parent(request: Request) -> Context | None:
    """The span of the framework, where there is one; else what the client's headers say."""
    from opentelemetry import propagate, trace

    if trace.get_current_span().get_span_context().is_valid:
        return None
    return propagate.extract(request.headers)


def _finish(span: Span, record: RequestRecord, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if record.rows is not None:
        span.set_attribute("drum.rows", record.rows)
    for stage, seconds in tuple(record.stages.items()):
        span.set_attribute(f"drum.{stage}.duration", seconds)
    error = record.error
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or isinstance(error, HookFailedError):
        record_failure(span, error, str(status))
    span.end()


def record_failure(span: Span, error: BaseException | None, kind: str = "") -> None:
    """The span has failed, by what user code raised where it was that; no secret is told."""
    from opentelemetry.trace import Status, StatusCode

    if isinstance(error, HookFailedError) and error.__cause__ is not None:
        error = error.__cause__
    if error is None:
        span.set_attribute("error.type", kind)
        span.set_status(Status(StatusCode.ERROR))
        return
    span.set_attribute("error.type", type(error).__qualname__)
    text = "".join(traceback.format_exception(error))
    told = {"exception.message": masked(str(error)), "exception.stacktrace": masked(text)}
    span.record_exception(error, attributes=told)
    span.set_status(Status(StatusCode.ERROR, told["exception.message"]))
