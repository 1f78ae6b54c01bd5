"""What `drum perf-test` gives back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast

from drum_core.results.report import JSON, Report

__all__ = [
    "REPORT_KIND",
    "REPORT_VERSION",
    "CaseKind",
    "Failure",
    "Latency",
    "MemorySample",
    "PerfCase",
    "PerfTestResult",
    "Slice",
]

REPORT_KIND: Final = "drum perf-test"
REPORT_VERSION: Final = 1

CaseKind: TypeAlias = Literal["size", "concurrency", "rate"]
"""What grows from one case to the next: the request, the clients, or the requests a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Latencies in seconds. Percentiles are observed values, by nearest rank.

    One that has no observation above it would only repeat the maximum, and is `None`: there must
    be 10 requests for `p90`, 100 for `p99`, 1000 for `p999`.
    """

    mean: float
    min: float
    p50: float
    p90: float | None
    p99: float | None
    p999: float | None
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Requests that failed in the same way, such as `status 503`, with what one of them said."""

    kind: str
    count: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A part of a case, from which the uncertainty of a comparison is estimated.

    `rate` is successful requests a second; latencies are in seconds, `None` as in `Latency`.
    """

    requests: int
    rate: float
    mean: float
    p50: float
    p90: float | None
    p99: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PerfCase:
    """One case: so many requests of one size, from so many clients or at such a rate.

    `samples` is the number of rows in a request, `None` where the input has no rows; `size` its
    bytes. Times are in seconds; `started` counts from the start of the first case. `requests` are
    those that succeeded, `throughput` is how many of them a second. Latencies are `None` where none
    did; those of a `rate` are counted from the moment at which a request should have been sent.
    `first_byte` is until the first bytes of the body came; `prediction` the mean that the model
    took, as the server says. `late` is how late requests of a `rate` were sent, at the 99th
    percentile. `client_busy` is the part of one processor that sending took. `memory` is the most
    that server and workers held together, in MB. `histogram` has lower bound, upper bound and
    count. `problem` says why the case failed, empty where it has not.
    """

    name: str
    kind: CaseKind
    samples: int | None
    size: int
    concurrency: int | None = None
    rate: float | None = None
    started: float = 0.0
    seconds: float = 0.0
    requests: int = 0
    throughput: float = 0.0
    latency: Latency | None = None
    first_byte: Latency | None = None
    prediction: float | None = None
    late: float | None = None
    client_busy: float = 0.0
    memory: float | None = None
    failures: tuple[Failure, ...] = ()
    slices: tuple[Slice, ...] = ()
    histogram: tuple[tuple[float, float, int], ...] = ()
    problem: str = ""
    timed_out: bool = False

    @property
    def failed(self) -> bool:
        """Whether anything went wrong."""
        return bool(self.problem)

    @property
    def untold(self) -> tuple[Failure, ...]:
        """The failures that `problem` does not tell of, or not alone."""
        several = len(self.failures) > 1
        return tuple(item for item in self.failures if several or item.kind not in self.problem)

    @property
    def failed_requests(self) -> int:
        """How many requests failed."""
        return sum(failure.count for failure in self.failures)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySample:
    """Memory at one moment, in MB: `at` seconds after the start of the first case.

    `rss` counts shared pages once for each process, `pss` once in all; `None` where the system
    does not tell. `processes` is the resident set of each process by its id, the server first.
    """

    at: float
    rss: float
    pss: float | None
    processes: tuple[tuple[int, float], ...]

    @property
    def used(self) -> float:
        """The better of the two."""
        return self.rss if self.pss is None else self.pss


@dataclass(frozen=True, slots=True, kw_only=True)
class PerfTestResult:
    """What was measured, and on what.

    `host` has the versions, the processors and the memory of the machine that measured. `remarks`
    are doubts about the figures, such as a client that was as busy as it can be. `server` is the
    kind of server, as `/info/` says, and `url` the address of one that ran already. `container`
    has limit, peak and use of memory in MB, where the client is in a container with a limit.
    """

    code_dir: Path
    input: Path
    target_type: str
    server: str
    workers: int | None
    url: str | None
    started: str
    seconds: float
    host: dict[str, str | int | float | None]
    cases: tuple[PerfCase, ...]
    memory: tuple[MemorySample, ...] = ()
    total_memory: float = 0.0
    container: tuple[float | None, float | None, float | None] = (None, None, None)
    in_server: bool = False
    chat: bool = False
    remarks: tuple[str, ...] = field(default=())
    report_file: Path | None = None

    @property
    def failed(self) -> bool:
        """Whether a case failed."""
        return any(case.failed for case in self.cases)

    def report(self) -> Report:
        """The same as JSON; `--compare` reads it."""
        content: dict[str, JSON] = {"report": REPORT_KIND, "version": REPORT_VERSION}
        values = cast("dict[str, JSON]", asdict(self))
        content |= {name: _plain(value) for name, value in values.items()}
        content["failed"] = self.failed
        return content


def _plain(value: object) -> JSON:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.7g}")
    return cast("JSON", value)
