"""Measurements as those of OpenTelemetry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from drum_core.telemetry.instruments import QUEUE_DEPTH, RUNNING, Instrument, Kind

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation

    from drum_core.telemetry.measures import Sink

__all__ = ["observe_jobs", "otel_sink"]


def otel_sink(meter: Meter, *, owns_http: bool) -> Sink:
    """Records with a meter; without `owns_http` the requests are left to whoever counts them."""
    recorders: dict[Instrument, Callable[[float, dict[str, str | int]], None]] = {}

    def sink(instrument: Instrument, labels: tuple[str, ...], value: float) -> None:
        if not owns_http and instrument.name.startswith("http."):
            return
        record = recorders.get(instrument)
        if record is None:
            record = recorders[instrument] = _recorder(meter, instrument)
        pairs = zip(instrument.labels, labels, strict=True)
        record(value, {name: _typed(name, text) for name, text in pairs if text})

    return sink


def observe_jobs(meter: Meter, running: Callable[[], int], waiting: Callable[[], int]) -> None:
    """Reports how many jobs run and wait in this worker, whenever metrics are collected."""
    from opentelemetry.metrics import Observation

    def observe(
        instrument: Instrument, count: Callable[[], int]
    ) -> Callable[[CallbackOptions], Iterable[Observation]]:
        return lambda options: [Observation(count())]

    for instrument, count in ((RUNNING, running), (QUEUE_DEPTH, waiting)):
        meter.create_observable_gauge(
            instrument.name, [observe(instrument, count)], unit="1", description=instrument.help
        )


def _recorder(
    meter: Meter, instrument: Instrument
) -> Callable[[float, dict[str, str | int]], None]:
    name, unit, text = instrument.name, instrument.unit, instrument.help
    match instrument.kind:
        case Kind.COUNTER:
            return meter.create_counter(name, unit, text).add
        case Kind.GAUGE:
            return meter.create_up_down_counter(name, unit, text).add
        case Kind.HISTOGRAM:
            bounds = list(instrument.bounds)
            return meter.create_histogram(
                name, unit, text, explicit_bucket_boundaries_advisory=bounds
            ).record


def _typed(name: str, text: str) -> str | int:
    return int(text) if name == "http.response.status_code" else text
