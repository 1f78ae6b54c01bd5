"""What `drum perf-test` gives back."""

from __future__ import annotations

from dataclasses import dataclass

from drum_core.results.report import Report

__all__ = ["PerfTestResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerfTestResult:
    """What was measured."""

    def report(self) -> Report:
        """The same as JSON."""
        return {}
