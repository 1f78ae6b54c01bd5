"""`/metrics`: what all workers of a server have measured, in the formats of Prometheus."""

from __future__ import annotations

import contextlib
import operator
import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, TypeAlias

from drum_core.errors import MissingExtraError
from drum_core.monitoring.memory import resident_memory
from drum_core.scoreboard import CardState, Scoreboard, WorkerRecord
from drum_core.tally import Series
from drum_core.telemetry.instruments import LIVE, MEASURED, Instrument, Kind

if TYPE_CHECKING:
    from prometheus_client.core import Metric

__all__ = ["Exposition", "ModelFacts", "can_expose", "living_workers", "missing_client"]

Counted: TypeAlias = Mapping[Series, list[float]]

_MOST: Final = frozenset(one.name for one in MEASURED if one.most)


def can_expose() -> bool:
    """Whether the package prometheus-client is there."""
    return find_spec("prometheus_client") is not None


def missing_client() -> MissingExtraError:
    """What is said where it is not."""
    return MissingExtraError("prometheus-client", extra="prometheus", purpose="/metrics")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What does not change: the labels of `drum_model_info`. `name` is on every other series."""

    name: str
    target_type: str
    server_type: str
    version: str
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposition:
    """The metrics of a server, or of one worker in somebody else's.

    `tallies` are what has been counted in each slot; `scoreboard` is `None` in somebody else's
    server, where `ready` says whether the model of this worker is.
    """

    facts: ModelFacts
    tallies: Callable[[], Sequence[Counted]]
    scoreboard: Scoreboard | None
    ready: Callable[[], bool]

    def text(self, accept: str) -> tuple[bytes, str]:
        """All metrics, in the format that a client accepts, and its content type.

        Raises `MissingExtraError`.
        """
        if not can_expose():
            raise missing_client()
        from prometheus_client import CollectorRegistry
        from prometheus_client.exposition import choose_encoder

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type

    def collect(self) -> Iterator[Metric]:
        """The metrics, as prometheus_client asks for them."""
        board = self.scoreboard
        living = {0} if board is None else {one.slot for one in living_workers(board.records())}
        totals = _totals(self.tallies(), living)
        for instrument in MEASURED:
            rows = totals.get(instrument.name)
            if rows:
                yield _family(instrument, rows, self.facts.name)
        yield from self._of_model()
        yield from self._of_workers()

    def describe(self) -> Iterator[Metric]:
        """Nothing: the registry would call `collect` for it."""
        return iter(())

    def _of_model(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily as Gauge

        facts = self.facts
        labels = ("model", "target_type", "server_type", "version", "url_prefix")
        values = (facts.name, facts.target_type, facts.server_type, facts.version, facts.prefix)
        info = Gauge("drum_model_info", "The model that is served.", labels=labels)
        info.add_metric(values, 1)
        yield info
        ready = Gauge("drum_ready", "Whether a worker is ready.", labels=("model",))
        ready.add_metric((facts.name,), float(self._is_ready()))
        yield ready

    def _is_ready(self) -> bool:
        if self.scoreboard is None:
            return self.ready()
        return any(
            one.state is CardState.READY for one in living_workers(self.scoreboard.records())
        )

    def _of_workers(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily as Counter
        from prometheus_client.core import GaugeMetricFamily as Gauge

        board, model = self.scoreboard, self.facts.name
        memory = Gauge(
            "drum_worker_rss_bytes", "Resident memory of a worker.", labels=("model", "worker")
        )
        if board is None:
            memory.add_metric((model, "0"), resident_memory(os.getpid()))
            yield memory
            return
        living = list(living_workers(board.records()))
        for one in living:
            memory.add_metric((model, str(one.slot)), resident_memory(one.pid))
        yield memory
        states = Gauge("drum_workers", "Workers by state.", labels=("model", "state"))
        for state in list(CardState)[1:]:
            count = sum(one.state is state for one in living)
            states.add_metric((model, state.name.lower()), count)
        yield states
        restarts = Counter(
            "drum_worker_restarts", "Workers that were replaced.", labels=("model", "cause")
        )
        restarts.add_metric((model, "died"), board.deaths)
        restarts.add_metric((model, "asked"), board.replaced)
        yield restarts


def _totals(
    tallies: Iterable[Counted], living: Container[int]
) -> dict[str, dict[tuple[str, ...], list[float]]]:
    """What all workers come to, by name and labels; what is true of now, for those that live."""
    found: dict[str, dict[tuple[str, ...], list[float]]] = {}
    for slot, tally in enumerate(tallies):
        for (name, labels), numbers in tally.items():
            if name in LIVE and slot not in living:
                continue
            rows = found.setdefault(name, {})
            before = rows.get(labels)
            if before is not None:
                merge = max if name in _MOST else operator.add
                numbers = list(map(merge, before, numbers))
            rows[labels] = numbers
    return found


def _family(
    instrument: Instrument, rows: Mapping[tuple[str, ...], list[float]], model: str
) -> Metric:
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
    )

    name, text = instrument.prometheus, instrument.help
    labels = ("model", *(label.replace(".", "_") for label in instrument.labels))
    if instrument.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(name, text, labels=labels)
        for values, numbers in sorted(rows.items()):
            *counts, total = numbers
            histogram.add_metric((model, *values), _buckets(instrument, counts), total)
        return histogram
    kind = CounterMetricFamily if instrument.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(name, text, labels=labels)
    for values, numbers in sorted(rows.items()):
        family.add_metric((model, *values), numbers[0])
    return family


def _buckets(instrument: Instrument, counts: list[float]) -> list[tuple[str, float]]:
    """Cumulative, with their upper bounds as texts."""
    buckets: list[tuple[str, float]] = []
    total = 0.0
    for bound, count in zip((*map(repr, instrument.bounds), "+Inf"), counts, strict=True):
        total += count
        buckets.append((bound, total))
    return buckets


def living_workers(records: Iterable[WorkerRecord]) -> Iterator[WorkerRecord]:
    """Without those whose worker has died a moment ago."""
    import psutil

    for record in records:
        with contextlib.suppress(psutil.NoSuchProcess):
            if psutil.Process(record.pid).status() != psutil.STATUS_ZOMBIE:
                yield record
