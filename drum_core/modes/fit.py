"""`drum fit`: trains a model, makes a folder of it, and proves that it predicts."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from drum_core.data.output import write_bytes
from drum_core.errors import DrumError, MissingExtraError
from drum_core.model.folder import open_folder
from drum_core.model.load import mask_secrets
from drum_core.model.training import TrainingData, prepare_training
from drum_core.modes.server import choose_server
from drum_core.monitoring.peak_memory import peak_memory
from drum_core.options.fit import FitOptions
from drum_core.options.server import ServerOptions
from drum_core.progress import Progress
from drum_core.protocols import WorkerContext
from drum_core.registry import load_server
from drum_core.results.fit import FitPhase, FitResult, PredictionCheck, WrittenFile
from drum_core.training.children import children_end_when_interrupted
from drum_core.training.fitted_folder import (
    RUNTIME_DATA,
    check_one_artifact,
    complete,
    require_artifacts,
)
from drum_core.training.output_folder import OutputFolder, check_output, output_folder
from drum_core.training.prediction_check import PredictionTrial, check_predictions
from drum_core.training.task import NO_SCHEMA, FitTask, read_task

if TYPE_CHECKING:
    from pathlib import Path

    from drum_core.model.folder import ModelFolder
    from drum_core.model.training import Trainer

__all__ = ["fit"]

_logger = logging.getLogger("drum.fit")

_MB: Final = 1024 * 1024

_DIFFERENT: Final = (
    "Your predictions were different when we tried to predict twice. %d of %d rows differ, such as "
    "row %d: %s, then %s. The model was loaded anew in between. Look for random numbers without a "
    "seed, for what fit keeps in memory and does not write, and for rows that change each other's "
    "prediction."
)
"""The beginning is DRUM's, for scripts."""


def fit(options: FitOptions, worker: WorkerContext, progress: Progress) -> FitResult:
    """Reads and checks the data, trains, makes the output folder, and tries its predictions.

    The output appears whole once the model is fitted; when the trial fails, or is interrupted, it
    stays, and a warning says so. Raises `DrumError`.
    """
    check_output(options.output, options.code_dir)
    server = None if options.skip_predict else _server(options)
    folder = open_folder(options)
    mask_secrets(folder, worker)
    run = _Run(options, progress)
    with run.phase("Reading the data"):
        task = read_task(options, folder.metadata)
    if task.uses_default_schema:
        progress.say(NO_SCHEMA)
    with run.phase("Loading the code"):
        trainer = prepare_training(folder, task.target, worker)
    with children_end_when_interrupted(), output_folder(options.output) as output:
        files = _fitted(run, folder, task, trainer, output)
        fitted = [file.path for file in files if file.source == "fit"]
        with _kept(output):
            if not trainer.loads_itself:
                made = open_folder(replace(options, code_dir=output.path))
                needed = trainer.needs_artifact
                check_one_artifact(made, fitted, needed=needed, tried=server is not None)
            check = None if server is None else _checked(run, task, output.path, server)
            files += _runtime_data(run, task, output, check)
        return _result(run, task, files, check)


@dataclass
class _Run:
    """A run, and what is measured in it: seconds, and bytes."""

    options: FitOptions
    progress: Progress
    phases: list[FitPhase] = field(default_factory=list)
    peak_memory: int = 0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        with self.measured(name), self.progress.phase(name):
            yield

    @contextmanager
    def measured(self, name: str) -> Iterator[None]:
        """As `phase`, for what shows its own phases: two at a time cannot be shown."""
        started = time.perf_counter()
        yield
        self.phases.append(FitPhase(name=name, seconds=time.perf_counter() - started))


def _server(options: FitOptions) -> str:
    """The server to try the model on, as `drum server` would choose it; found out before the work.

    Raises `DrumError` when none is installed.
    """
    chosen = choose_server(ServerOptions(code_dir=options.code_dir))
    missing: MissingExtraError | None = None
    for name in dict.fromkeys((chosen, "uvicorn", "werkzeug")):
        try:
            load_server(name)
        except MissingExtraError as error:
            missing = missing or error
        else:
            return name
    raise DrumError(
        f"{missing} It is for trying the fitted model; --skip-predict does without."
    ) from missing


def _fitted(
    run: _Run, folder: ModelFolder, task: FitTask, trainer: Trainer, output: OutputFolder
) -> tuple[WrittenFile, ...]:
    """Trains, and puts the whole folder in its place; gives its files."""
    run.progress.say("Starting Fit")
    given = task.rows.copied()  # the trial, and the report, are about the rows as they were
    with run.phase("Fitting the model"), peak_memory() as peak:
        trainer.train(
            TrainingData(
                features=given.features,
                target=given.target,
                row_weights=given.weights,
                class_order=task.labels or None,
                parameters=task.parameters,
                output_dir=output.path,
            )
        )
    del given
    run.peak_memory = peak.bytes
    fitted = require_artifacts(output, folder)
    run.progress.say("Fit successful")
    if run.options.verbose:
        run.progress.say(f"Maximum memory usage of the fit: {peak.bytes / _MB:.1f} MB")
    with run.phase("Writing the folder"):
        files, left_out = complete(output, folder, task, fitted)
        output.publish()
    if left_out and run.options.output is not None:
        names = ", ".join(path.as_posix() for path in left_out)
        run.progress.say(f"Not copied from the model folder, as the fit wrote its own: {names}")
    return files


def _checked(run: _Run, task: FitTask, folder: Path, server: str) -> PredictionCheck:
    run.progress.say("Starting Prediction")
    schema = None if run.options.disable_strict_validation else task.schema
    trial = PredictionTrial(
        folder=folder, rows=task.rows, kind=task.kind, server=server, schema=schema
    )
    with run.measured("Trying its predictions"):
        check = check_predictions(run.options, trial, run.progress)
    if check.differences:
        example = check.differences[0]
        _logger.warning(
            _DIFFERENT, check.differing, check.compared, example.row, example.first, example.second
        )
    else:
        run.progress.say("Prediction successful")
    return check


@contextmanager
def _kept(output: OutputFolder) -> Iterator[None]:
    """Says, before an error or an interrupt is told, that the fitted model is not lost."""
    try:
        yield
    except BaseException:
        if output.final is not None:
            _logger.warning(
                "the fitted model stays in %s, but has not passed its trial", output.final
            )
        raise


def _runtime_data(
    run: _Run, task: FitTask, output: OutputFolder, check: PredictionCheck | None
) -> tuple[WrittenFile, ...]:
    if not run.options.enable_fit_metadata:
        return ()
    if check is None or output.final is None:
        _logger.warning(
            "--enable-fit-metadata writes nothing without --output, or with --skip-predict"
        )
        return ()
    measured = {
        "fit_memory_usage": run.peak_memory / _MB,
        "prediction_memory_usage": check.peak_memory / _MB,
        "input_dataframe_size": _size(task) / _MB,
    }
    text = json.dumps(measured, indent=2).encode() + b"\n"
    path = output.path / RUNTIME_DATA
    write_bytes(path, text)
    relative = path.relative_to(output.path)
    return (WrittenFile(path=relative, size=len(text), source="drum"),)


def _size(task: FitTask) -> int:
    """Of the features in memory, in bytes."""
    return int(task.rows.features.memory_usage(deep=True).sum())


def _result(
    run: _Run, task: FitTask, files: tuple[WrittenFile, ...], check: PredictionCheck | None
) -> FitResult:
    return FitResult(
        output=run.options.output,
        files=files,
        target_type=task.kind,
        target_name=task.target_name,
        labels=task.labels,
        labels_found=task.labels_found,
        rows=task.rows.count,
        columns=task.rows.features.shape[1],
        parameters=task.parameters,
        phases=tuple(run.phases),
        peak_memory=run.peak_memory,
        input_size=_size(task),
        check=check,
        differences_allowed=run.options.allow_different_predictions,
    )
