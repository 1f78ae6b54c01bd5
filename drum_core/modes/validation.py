"""`drum validation`: checks a model before it is deployed."""

from __future__ import annotations

from drum_core.errors import NotBuiltYetError
from drum_core.options.validation import ValidationOptions
from drum_core.progress import Progress
from drum_core.protocols import WorkerContext
from drum_core.results import ValidationResult

__all__ = ["validate"]


def validate(
    options: ValidationOptions, worker: WorkerContext, progress: Progress
) -> ValidationResult:
    """Not there yet. Raises `NotBuiltYetError`."""
    raise NotBuiltYetError(f"The mode {options.run_mode.value!r}")
