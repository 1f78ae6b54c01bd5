"""`drum validation`: checks a model before it is deployed."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from drum_core.errors import OutputError
from drum_core.model.folder import open_folder
from drum_core.model.target import resolve_target
from drum_core.options.validation import ValidationOptions
from drum_core.progress import Progress
from drum_core.protocols import WorkerContext
from drum_core.results import ValidationResult
from drum_core.validation.children import Children
from drum_core.validation.run import Run, process_count

__all__ = ["validate"]

_PREFIX = "drum_validation_checks_"


def validate(
    options: ValidationOptions, worker: WorkerContext, progress: Progress
) -> ValidationResult:
    """Runs the checks that the options ask for, in processes of their own.

    What a model does to its process, it does to one of those. Raises `DrumError` for options that
    contradict each other, for a folder that is no model, and for an input that is no table or has
    no rows; a model that does not load is a check that fails.
    """
    started = time.perf_counter()
    resolve_target(options, open_folder(options).metadata)
    if options.keep_datasets is not None:
        _make(options.keep_datasets)
    checks = options.checks()
    count = process_count(options)
    what = f"Checking in {count} processes" if count > 1 else "Checking"
    with (
        tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as scratch,
        progress.task(what, len(checks), unit="checks") as done,
    ):
        children = Children(options, Path(scratch), count)
        with children.ended():
            results = Run(options, children, done).checks()
    return ValidationResult(checks=tuple(results), seconds=time.perf_counter() - started)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(folder, (error.strerror or "it cannot be made").lower()) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(folder, "permission denied")
