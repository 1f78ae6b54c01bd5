"""What of a served model can be seen from outside: its counts, its metrics, who is told."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from drum_core.messages import Request, Response, RoutePolicy
from drum_core.options.choices import TargetType
from drum_core.serving.answers import bytes_response, error_response
from drum_core.serving.endpoint import Endpoint
from drum_core.serving.lifecycle import State
from drum_core.tally import TALLY_SIZE, Series, Tally, read_tally
from drum_core.telemetry.access_log import AccessLog
from drum_core.telemetry.chats import traced_chat
from drum_core.telemetry.exposition import (
    Exposition,
    ModelFacts,
    can_expose,
    living_workers,
    missing_client,
)
from drum_core.telemetry.instruments import (
    GEN_AI_FIRST_TOKEN,
    LIVE,
    MODEL_LOAD,
    OVERDUE,
    QUEUE_DEPTH,
    RUNNING,
    Instrument,
)
from drum_core.telemetry.measures import Measures, Sink, tally_sink
from drum_core.telemetry.otel import check_otel, gen_ai_metrics, open_otel
from drum_core.telemetry.otel_clients import instrument_clients
from drum_core.telemetry.otel_metrics import observe_jobs, otel_sink
from drum_core.telemetry.spans import Spans
from drum_core.version import __version__
from drum_core.worker import Worker

if TYPE_CHECKING:
    from drum_core.model.model import Model
    from drum_core.options.server import ServerOptions
    from drum_core.protocols import WorkerContext
    from drum_core.scoreboard import Scoreboard
    from drum_core.security.policy import Security
    from drum_core.serving.job_runner import JobRunner
    from drum_core.serving.lifecycle import Lifecycle
    from drum_core.serving.watches import Watch

__all__ = ["Observation", "check_telemetry"]

_TEXT_TARGETS: Final = (
    TargetType.TEXT_GENERATION,
    TargetType.AGENTIC_WORKFLOW,
    TargetType.VECTOR_DATABASE,
)
"""Their models ask others, over HTTP."""


def check_telemetry(options: ServerOptions) -> None:
    """Raises `MissingExtraError` where something is asked for in words and cannot be had."""
    check_otel(options)
    if "metrics" in options.sources and options.metrics != "off" and not can_expose():
        raise missing_client()


class Observation:
    """Of one model, in one worker.

    In a server of ours, all workers count on its scoreboard; in somebody else's server each worker
    knows of itself only.
    """

    def __init__(
        self,
        options: ServerOptions,
        worker: WorkerContext,
        runner: JobRunner,
        *,
        owns_process: bool,
    ) -> None:
        self._options = options
        self._worker = worker
        self._runner = runner
        place = worker.place if isinstance(worker, Worker) else None
        self._scoreboard: Scoreboard | None = None if place is None else place.scoreboard
        self._own = bytearray(TALLY_SIZE) if place is None else bytearray()
        self.tally: Tally = (
            Tally(self._own) if place is None else place.scoreboard.tally(place.slot)
        )
        self.tally.forget(LIVE)
        self._measures_tally = options.metrics != "off" and can_expose()
        if self._measures_tally:
            runner.admission.on_change = self._job_counts
        self._otel = open_otel(options, owns_process=owns_process)
        if self._otel is not None:
            worker.defer_cleanup(self._otel.close, order=-150, desc="send the last telemetry")
            admission = runner.admission
            observe_jobs(self._otel.meter, lambda: admission.running, lambda: admission.waiting)
        self._sinks: tuple[Sink, ...] = tuple(self._make_sinks())
        if self._sinks:
            runner.overruns.on_overrun = lambda: self._measure(OVERDUE, 1)

    def tallies(self) -> Sequence[Mapping[Series, list[float]]]:
        """What has been counted in each slot of the server."""
        if self._scoreboard is None:
            return [read_tally(self._own)]
        return self._scoreboard.tallies()

    def pids(self) -> Sequence[int]:
        """The workers of the server, this process among them."""
        if self._scoreboard is None:
            return [os.getpid()]
        found = {record.pid for record in living_workers(self._scoreboard.records())}
        return sorted(found | {os.getpid()})

    def model_loaded(self, seconds: float) -> None:
        """The model is there."""
        if self._measures_tally:
            self.tally.put((MODEL_LOAD.name, ()), seconds)

    def watches(self, endpoints: Sequence[Endpoint], target: str) -> Iterator[Watch]:
        """Who is told of every request; the spans come first, so that the others know them."""
        routes = {one.name: self._options.url_prefix + one.route for one in endpoints}
        if self._otel is not None:
            yield Spans(self._otel.tracer, routes, {"drum.target_type": target}).watch
        if self._sinks:
            yield Measures(self._sinks, routes, gen_ai=gen_ai_metrics()).watch
        if self._options.access_log:
            yield AccessLog(routes).watch

    def loading(self, target: TargetType) -> None:
        """A model that predicts `target` is about to be loaded."""
        if self._otel is not None and self._otel.is_ours and target in _TEXT_TARGETS:
            undo = instrument_clients()
            self._worker.defer_cleanup(undo, order=-149, desc="end instrumentation of clients")

    def observed(self, model: Model) -> Model:
        """The model, whose chats are told to OpenTelemetry."""
        if self._otel is None or model.chat is None:
            return model
        first_token = None
        if gen_ai_metrics():
            first_token = functools.partial(self._measure, GEN_AI_FIRST_TOKEN, labels=("chat",))
        return dataclasses.replace(model, chat=traced_chat(model.chat, self._otel, first_token))

    def endpoint(self, name: str, target: str, server: str, lifecycle: Lifecycle) -> Endpoint:
        """`/metrics`, of the model called `name`."""
        facts = ModelFacts(
            name=name,
            target_type=target,
            server_type=server,
            version=__version__,
            prefix=self._options.url_prefix,
        )
        exposition = Exposition(
            facts=facts,
            tallies=self.tallies,
            scoreboard=self._scoreboard,
            ready=lambda: lifecycle.state is State.READY,
        )

        def answer(request: Request) -> Response:
            if not can_expose():
                return error_response(HTTPStatus.NOT_IMPLEMENTED, f"ERROR: {missing_client()}")
            return bytes_response(*exposition.text(request.headers.get("Accept", "")))

        return Endpoint(
            name="metrics",
            paths=("/metrics", "/metrics/"),
            template="/metrics",
            answer=answer,
            policy=RoutePolicy.MANAGEMENT,
        )

    def security(self, security: Security) -> Security:
        """What `/metrics` asks of a client."""
        open_to_all = self._options.metrics == "open"
        return dataclasses.replace(security, tokens=None) if open_to_all else security

    def _make_sinks(self) -> Iterator[Sink]:
        if self._measures_tally:
            yield tally_sink(self.tally)
        if self._otel is not None:
            yield otel_sink(self._otel.meter, owns_http=self._otel.is_ours)

    def _measure(self, instrument: Instrument, value: float, labels: tuple[str, ...] = ()) -> None:
        for sink in self._sinks:
            sink(instrument, labels, value)

    def _job_counts(self, running: int, waiting: int) -> None:
        self.tally.put((RUNNING.name, ()), running)
        self.tally.put((QUEUE_DEPTH.name, ()), waiting)
