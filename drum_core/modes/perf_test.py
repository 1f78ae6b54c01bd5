"""`drum perf-test`: measures a model under load."""

from __future__ import annotations

from drum_core.errors import NotBuiltYetError
from drum_core.options.perf_test import PerfTestOptions
from drum_core.progress import Progress
from drum_core.protocols import WorkerContext
from drum_core.results import PerfTestResult

__all__ = ["measure"]


def measure(options: PerfTestOptions, worker: WorkerContext, progress: Progress) -> PerfTestResult:
    """Not there yet. Raises `NotBuiltYetError`."""
    raise NotBuiltYetError(f"The mode {options.run_mode.value!r}")
