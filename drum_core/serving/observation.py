"""What of a served model can be seen from outside: its counts, its metrics, who is told."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from drum_core.messages import Request, Response, RoutePolicy
from drum_core.serving.answers import bytes_response, error_response
from drum_core.serving.endpoint import Endpoint
from drum_core.serving.lifecycle import State
from drum_core.tally import TALLY_SIZE, Series, Tally, read_tally
from drum_core.telemetry.access_log import AccessLog
from drum_core.telemetry.exposition import (
    Exposition,
    ModelFacts,
    can_expose,
    living_workers,
    missing_client,
)
from drum_core.telemetry.instruments import LIVE, MODEL_LOAD, OVERDUE, QUEUE_DEPTH, RUNNING
from drum_core.telemetry.measures import Measures, Sink, tally_sink
from drum_core.version import __version__
from drum_core.worker import Worker

if TYPE_CHECKING:
    from drum_core.options.server import ServerOptions
    from drum_core.protocols import WorkerContext
    from drum_core.scoreboard import Scoreboard
    from drum_core.security.policy import Security
    from drum_core.serving.job_runner import JobRunner
    from drum_core.serving.lifecycle import Lifecycle
    from drum_core.serving.watches import Watch

__all__ = ["Observation", "check_metrics"]


def check_metrics(options: ServerOptions) -> None:
    """Raises `MissingExtraError` where metrics are asked for in words and cannot be had."""
    if "metrics" in options.sources and options.metrics != "off" and not can_expose():
        raise missing_client()


class Observation:
    """Of one model, in one worker.

    In a server of ours, all workers count on its scoreboard; in somebody else's server each worker
    knows of itself only.
    """

    def __init__(self, options: ServerOptions, worker: WorkerContext, runner: JobRunner) -> None:
        self._options = options
        self._runner = runner
        place = worker.place if isinstance(worker, Worker) else None
        self._scoreboard: Scoreboard | None = None if place is None else place.scoreboard
        self._own = bytearray(TALLY_SIZE) if place is None else bytearray()
        self.tally: Tally = (
            Tally(self._own) if place is None else place.scoreboard.tally(place.slot)
        )
        self.tally.forget(LIVE)
        self._sink = tally_sink(self.tally)
        self._measures_tally = options.metrics != "off" and can_expose()
        if self._measures_tally:
            runner.admission.on_change = self._job_counts
            runner.overruns.on_overrun = lambda: self._sink(OVERDUE, (), 1)

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

    def watches(self, endpoints: Sequence[Endpoint]) -> Iterator[Watch]:
        """Who is told of every request."""
        routes = {one.name: self._options.url_prefix + one.route for one in endpoints}
        sinks = list(self._sinks())
        if sinks:
            yield Measures(sinks, routes).watch
        if self._options.access_log:
            yield AccessLog(routes).watch

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

    def _sinks(self) -> Iterator[Sink]:
        if self._measures_tally:
            yield self._sink

    def _job_counts(self, running: int, waiting: int) -> None:
        self.tally.put((RUNNING.name, ()), running)
        self.tally.put((QUEUE_DEPTH.name, ()), waiting)
