"""The options that say what a server tells of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from drum_core.options.flag import Flag
from drum_core.options.logs import LogOptions

__all__ = ["TelemetryOptions"]


@dataclass(frozen=True, kw_only=True)
class TelemetryOptions(LogOptions):
    """Logs, metrics and traces. Those of OpenTelemetry have its own variables, OTEL_*."""

    metrics: Annotated[
        str,
        Flag(
            names=("--metrics",),
            env="DRUM_METRICS",
            parameter="DRUM_METRICS",
            help="the route /metrics for Prometheus: it asks for the token, where one is set; it "
            "is open; it is not there, and nothing is counted",
            choices=("on", "open", "off"),
        ),
    ] = "on"
    otel_endpoint: Annotated[
        str | None,
        Flag(
            env="OTEL_EXPORTER_OTLP_ENDPOINT",
            help="a collector of OpenTelemetry, to which traces, metrics and logs are sent by "
            "OTLP over HTTP; the other variables OTEL_* apply",
        ),
    ] = None
    otel_sdk_disabled: Annotated[
        bool,
        Flag(
            env="OTEL_SDK_DISABLED",
            parameter="OTEL_SDK_DISABLED",
            parameter_wins=True,
            help="send nothing to a collector, although one is named",
        ),
    ] = False
