"""`drum fit`: trains a model and makes a folder of it."""

from __future__ import annotations

from drum_core.errors import NotBuiltYetError
from drum_core.options.fit import FitOptions
from drum_core.progress import Progress
from drum_core.protocols import WorkerContext
from drum_core.results import FitResult

__all__ = ["fit"]


def fit(options: FitOptions, worker: WorkerContext, progress: Progress) -> FitResult:
    """Not there yet. Raises `NotBuiltYetError`."""
    raise NotBuiltYetError(f"The mode {options.run_mode.value!r}")
