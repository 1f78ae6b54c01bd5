"""What is measured: names, units, labels and bounds, once for OpenTelemetry and for Prometheus.

The names of HTTP are those of OpenTelemetry's semantic conventions (stable), those of GenAI are in
development there (repository semantic-conventions-genai) and are asked for by
`OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental`. All else starts with `drum`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

__all__ = [
    "BATCH_ROWS",
    "GEN_AI_DURATION",
    "GEN_AI_FIRST_TOKEN",
    "HTTP_ACTIVE",
    "HTTP_BODY_SIZE",
    "HTTP_DURATION",
    "LIVE",
    "MEASURED",
    "MODEL_LOAD",
    "OVERDUE",
    "PREDICT_DURATION",
    "QUEUE_DEPTH",
    "QUEUE_WAIT",
    "REJECTED",
    "ROWS",
    "RUNNING",
    "Instrument",
    "Kind",
]


class Kind(enum.Enum):
    """How numbers of an instrument come together."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Instrument:
    """One thing that is measured. `unit` is of UCUM; `bounds` are upper ones, inclusive.

    Of several workers, a gauge is the sum, or with `most` the largest.
    """

    name: str
    kind: Kind
    help: str
    unit: str = "1"
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    most: bool = False

    @property
    def prometheus(self) -> str:
        """The name in Prometheus, without the `_total` that a counter has there."""
        suffix = {"s": "_seconds", "By": "_bytes"}.get(self.unit, "")
        return self.name.replace(".", "_") + suffix


SECONDS: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(30.0, 60.0, 120.0, 300.0, 600.0, 3600.0),
)
"""Those of the conventions, and on to the longest deadline."""
_SIZES: Final = tuple(float(1 << power) for power in range(8, 31, 2))
_ROWS: Final = (1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6)

_HTTP: Final = ("http.request.method", "http.route", "http.response.status_code")

HTTP_DURATION: Final = Instrument(
    name="http.server.request.duration",
    kind=Kind.HISTOGRAM,
    help="Duration of HTTP server requests, to the last byte of the answer.",
    unit="s",
    labels=_HTTP,
    bounds=SECONDS,
)
HTTP_ACTIVE: Final = Instrument(
    name="http.server.active_requests",
    kind=Kind.GAUGE,
    help="Number of active HTTP server requests.",
    labels=("http.request.method",),
)
HTTP_BODY_SIZE: Final = Instrument(
    name="http.server.request.body.size",
    kind=Kind.HISTOGRAM,
    help="Size of HTTP server request bodies.",
    unit="By",
    labels=_HTTP,
    bounds=_SIZES,
)
PREDICT_DURATION: Final = Instrument(
    name="drum.predict.duration",
    kind=Kind.HISTOGRAM,
    help="Duration of the stages of a prediction: read, predict, write.",
    unit="s",
    labels=("stage",),
    bounds=SECONDS,
)
QUEUE_WAIT: Final = Instrument(
    name="drum.queue.wait",
    kind=Kind.HISTOGRAM,
    help="How long requests have waited for a place to run.",
    unit="s",
    bounds=SECONDS,
)
QUEUE_DEPTH: Final = Instrument(
    name="drum.queue.depth", kind=Kind.GAUGE, help="Requests that wait for a place to run."
)
RUNNING: Final = Instrument(
    name="drum.jobs.running", kind=Kind.GAUGE, help="Requests that the model works on."
)
OVERDUE: Final = Instrument(
    name="drum.jobs.overdue",
    kind=Kind.COUNTER,
    help="Requests that the model worked on after their time was over.",
)
BATCH_ROWS: Final = Instrument(
    name="drum.batch.rows",
    kind=Kind.HISTOGRAM,
    help="Rows of one request.",
    bounds=_ROWS,
)
ROWS: Final = Instrument(name="drum.rows", kind=Kind.COUNTER, help="Rows that were predicted.")
REJECTED: Final = Instrument(
    name="drum.rejected",
    kind=Kind.COUNTER,
    help="Requests that were refused or given up, by why.",
    labels=("reason",),
)
MODEL_LOAD: Final = Instrument(
    name="drum.model.load",
    kind=Kind.GAUGE,
    help="How long the loading of the model took, in the slowest worker.",
    unit="s",
    most=True,
)
GEN_AI_DURATION: Final = Instrument(
    name="gen_ai.server.request.duration",
    kind=Kind.HISTOGRAM,
    help="Duration of chats, to their last token.",
    unit="s",
    labels=("gen_ai.operation.name", "error.type"),
    bounds=SECONDS,
)
GEN_AI_FIRST_TOKEN: Final = Instrument(
    name="gen_ai.server.time_to_first_token",
    kind=Kind.HISTOGRAM,
    help="Time to the first token of streamed chats.",
    unit="s",
    labels=("gen_ai.operation.name",),
    bounds=SECONDS,
)

MEASURED: Final = (
    *(HTTP_DURATION, HTTP_ACTIVE, HTTP_BODY_SIZE),
    *(PREDICT_DURATION, QUEUE_WAIT, QUEUE_DEPTH, RUNNING, OVERDUE),
    *(BATCH_ROWS, ROWS, REJECTED, MODEL_LOAD),
    *(GEN_AI_DURATION, GEN_AI_FIRST_TOKEN),
)

LIVE: Final = frozenset(one.name for one in MEASURED if one.kind is Kind.GAUGE)
"""The names of what is true only while the process that said it lives."""
