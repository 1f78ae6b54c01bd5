"""What is noted of each request while a case runs, and what the case comes to."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from drum_core.load_test.cases import Case
from drum_core.load_test.statistics import histogram, percentile, slices, summary
from drum_core.results.perf_test import Failure, PerfCase

__all__ = ["Record"]

_HOPELESS = 100
"""So many failures, and no success: there is nothing to measure."""


@dataclass(slots=True)
class Record:
    """The requests of one case. Moments are those of `time.perf_counter`."""

    begin: float = field(default_factory=time.perf_counter)
    busy_begin: float = field(default_factory=time.process_time)
    end: float = 0.0
    busy: float = 0.0
    running: int = 0
    ends: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    first_bytes: list[float] = field(default_factory=list)
    predictions: list[float] = field(default_factory=list)
    lates: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> int:
        """How many requests have ended, well or not."""
        return len(self.ends) + self.failures.total()

    @property
    def hopeless(self) -> bool:
        """Whether nothing but failures came."""
        return not self.ends and self.failures.total() >= _HOPELESS

    def fail(self, kind: str, example: str) -> None:
        """Notes a request that failed."""
        self.failures[kind] += 1
        self.examples.setdefault(kind, example)

    def close(self) -> None:
        """Ends the case: no request is running any more."""
        self.end = time.perf_counter()
        self.busy = time.process_time() - self.busy_begin

    def result(
        self, case: Case, size: int, *, origin: float, problem: str, timed_out: bool
    ) -> PerfCase:
        """The figures of the case, which began `origin` or later."""
        took = max(self.ends, default=self.end) - self.begin
        problem = problem or self._problem()
        return PerfCase(
            name=case.name,
            kind=case.kind,
            samples=case.samples,
            size=size,
            concurrency=case.concurrency,
            rate=case.rate,
            started=self.begin - origin,
            seconds=self.end - self.begin,
            requests=len(self.ends),
            throughput=len(self.ends) / took if self.ends else 0.0,
            latency=summary(self.latencies),
            first_byte=summary(self.first_bytes),
            prediction=_mean(self.predictions),
            late=percentile(sorted(self.lates), 0.99),
            client_busy=self.busy / max(self.end - self.begin, 1e-9),
            failures=tuple(
                Failure(kind=kind, count=count, example=self.examples[kind])
                for kind, count in self.failures.most_common()
            ),
            slices=slices(self.ends, self.latencies, self.begin),
            histogram=histogram(self.latencies),
            problem=problem,
            timed_out=timed_out,
        )

    def _problem(self) -> str:
        failed = self.failures.total()
        if failed:
            kind, count = self.failures.most_common(1)[0]
            example = self.examples[kind]
            most = kind if count == failed else f"most: {kind}"
            said = f": {example}" if example else ""
            return f"{failed} of {self.finished} requests failed ({most}){said}"
        return "" if self.ends else "no request was finished"


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
