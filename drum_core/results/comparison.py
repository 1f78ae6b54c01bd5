"""What `drum perf-test --compare` gives back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from drum_core.results.report import JSON, Report

__all__ = ["CaseComparison", "ComparisonResult", "Ratio"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """What the second report has, divided by what the first has, with a 95 % interval.

    `measure` is `throughput`, `mean`, `p50`, `p90` or `p99`; `first` and `second` are the means
    over the slices of the case, in seconds or requests a second. The interval is `None` where a
    report has fewer than three slices.
    """

    measure: str
    first: float
    second: float
    ratio: float
    low: float | None
    high: float | None

    @property
    def differs(self) -> bool:
        """Whether the interval tells that the two are not the same."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high

    @property
    def better(self) -> bool:
        """Whether the second is better, if it differs: more throughput, or less latency."""
        return (self.ratio > 1) is (self.measure == "throughput")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseComparison:
    """One case that is in both reports. `problem` says why it cannot be compared."""

    name: str
    samples: int | None
    ratios: tuple[Ratio, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonResult:
    """Two reports side by side; `remarks` say what they do not have in common."""

    first: Path
    second: Path
    cases: tuple[CaseComparison, ...]
    remarks: tuple[str, ...] = ()

    def report(self) -> Report:
        """The same as JSON."""
        cases = cast("list[JSON]", [asdict(case) for case in self.cases])
        return {
            "report": "drum perf-test --compare",
            "version": 1,
            "first": str(self.first),
            "second": str(self.second),
            "cases": cases,
            "remarks": list(self.remarks),
        }
