"""`drum push`: checks a model and uploads it."""

from __future__ import annotations

from drum_core.errors import NotBuiltYetError
from drum_core.options.push import PushOptions
from drum_core.progress import Progress
from drum_core.protocols import WorkerContext
from drum_core.results import PushResult

__all__ = ["push"]


def push(options: PushOptions, worker: WorkerContext, progress: Progress) -> PushResult:
    """Not there yet. Raises `NotBuiltYetError`."""
    raise NotBuiltYetError(f"The mode {options.run_mode.value!r}")
