"""OpenTelemetry in one worker: its SDK where the process is ours, else what the application has.

The SDK is set up in the worker, after `fork` or `spawn`: its threads would not outlive a fork. All
standard variables apply, for they are read by the SDK and its exporters themselves.
"""

from __future__ import annotations

import importlib
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from drum_core.environment import environment, variable
from drum_core.errors import MissingExtraError

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.trace import Tracer

    from drum_core.options.telemetry import TelemetryOptions

__all__ = ["OpenTelemetry", "check_otel", "gen_ai_metrics", "is_asked_for", "open_otel"]

SCOPE: Final = "drum_core.serving"
SHUTDOWN_SECONDS: Final = 5.0
_ENDPOINTS: Final = ("ENDPOINT", "TRACES_ENDPOINT", "METRICS_ENDPOINT", "LOGS_ENDPOINT")
_CONTENT: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


@dataclass(frozen=True, kw_only=True)
class OpenTelemetry:
    """Where spans and measurements go. `is_ours` says that the SDK is, and that nobody else
    measures the requests.

    `captures_content` says that the texts of chats may be in spans. `close` flushes what there is,
    for a bounded time.
    """

    tracer: Tracer
    meter: Meter
    is_ours: bool
    captures_content: bool
    _closers: Sequence[Callable[[], object]] = field(default=(), repr=False)

    def close(self, seconds: float = SHUTDOWN_SECONDS) -> None:
        """Exports the rest; what cannot be sent in `seconds` is lost, and never holds the end up.

        An exporter that does not reach its collector would wait much longer (opentelemetry-python,
        issues 4043 and 4568), so each ends in a thread of its own.
        """
        threads = [threading.Thread(target=close, daemon=True) for close in self._closers]
        for thread in threads:
            thread.start()
        until = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))


def is_asked_for(options: TelemetryOptions) -> bool:
    """Whether a collector is named, and the SDK is not disabled."""
    names = (f"OTEL_EXPORTER_OTLP_{name}" for name in _ENDPOINTS)
    named = options.otel_endpoint is not None or any(map(variable, names))
    return named and not options.otel_sdk_disabled


def check_otel(options: TelemetryOptions) -> None:
    """Raises `MissingExtraError` where a collector is named and the packages are not there."""
    if is_asked_for(options) and not _is_installed():
        raise MissingExtraError(
            "opentelemetry-exporter-otlp-proto-http",
            extra="otel",
            purpose="Sending telemetry to OTEL_EXPORTER_OTLP_ENDPOINT",
        )


def gen_ai_metrics() -> bool:
    """Whether the metrics of chats are wanted, whose names may still change."""
    return "gen_ai_latest_experimental" in (variable("OTEL_SEMCONV_STABILITY_OPT_IN") or "")


def open_otel(options: TelemetryOptions, *, owns_process: bool) -> OpenTelemetry | None:
    """OpenTelemetry as the process has it; `None` where there is none.

    In a process of ours the SDK is set up, and closed by `close`. In somebody else's application
    the providers are that application's, and its framework measures the requests.
    """
    if owns_process:
        return _with_sdk(options) if is_asked_for(options) else None
    if options.otel_sdk_disabled or find_spec("opentelemetry") is None:
        return None
    from opentelemetry import metrics, trace

    return OpenTelemetry(
        tracer=trace.get_tracer(SCOPE),
        meter=metrics.get_meter(SCOPE),
        is_ours=False,
        captures_content=_captures_content(),
    )


def _is_installed() -> bool:
    try:
        importlib.import_module("opentelemetry.exporter.otlp.proto.http")
        importlib.import_module("opentelemetry.sdk")
    except ImportError:
        return False
    return True


def _captures_content() -> bool:
    return (variable(_CONTENT) or "true").lower() not in ("false", "no_content", "0")


def _with_sdk(options: TelemetryOptions) -> OpenTelemetry:
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.resources import Resource

    from drum_core.telemetry.otel_logs import export_logs

    # Each worker counts for itself, so each is an instance of the service.
    resource = Resource.create({"service.instance.id": str(uuid.uuid4())})
    closers: list[Callable[[], object]] = []
    if _wants("TRACES"):
        _set_tracing(resource, _endpoint(options, "traces"), closers)
    if _wants("METRICS"):
        _set_metrics(resource, _endpoint(options, "metrics"), closers)
    if _wants("LOGS"):
        closers.append(export_logs(resource, _endpoint(options, "logs")))
    return OpenTelemetry(
        tracer=trace.get_tracer(SCOPE),
        meter=metrics.get_meter(SCOPE),
        is_ours=True,
        captures_content=_captures_content(),
        _closers=tuple(closers),
    )


def _wants(signal: str) -> bool:
    return (variable(f"OTEL_{signal}_EXPORTER") or "otlp").lower() != "none"


def _endpoint(options: TelemetryOptions, path: str) -> str | None:
    """What the exporter cannot read for itself: an endpoint that was given in Python."""
    if any(name.startswith("OTEL_EXPORTER_OTLP") and "ENDPOINT" in name for name in environment()):
        return None
    return f"{(options.otel_endpoint or '').rstrip('/')}/v1/{path}"


def _set_tracing(
    resource: Resource, endpoint: str | None, closers: list[Callable[[], object]]
) -> None:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)
    closers.append(provider.shutdown)


def _set_metrics(
    resource: Resource, endpoint: str | None, closers: list[Callable[[], object]]
) -> None:
    from opentelemetry import metrics
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, ObservableCounter
    from opentelemetry.sdk.metrics.export import (
        AggregationTemporality,
        PeriodicExportingMetricReader,
    )

    kinds = (Counter, Histogram, ObservableCounter)
    exporter = OTLPMetricExporter(
        endpoint=endpoint,
        preferred_temporality=dict.fromkeys(kinds, AggregationTemporality.DELTA),
    )
    provider = MeterProvider(
        [PeriodicExportingMetricReader(exporter)], resource=resource, shutdown_on_exit=False
    )
    metrics.set_meter_provider(provider)
    closers.append(lambda: provider.shutdown(timeout_millis=SHUTDOWN_SECONDS * 1000))
