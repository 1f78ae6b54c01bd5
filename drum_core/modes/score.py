"""`drum score`: predicts on a file, and writes or returns the predictions."""

from __future__ import annotations

import time

from drum_core.data.output import check_writable, to_csv, write_whole
from drum_core.data.payload import Payload
from drum_core.errors import DrumError, InputError
from drum_core.model.folder import open_folder
from drum_core.model.load import load_model
from drum_core.model.target import resolve_target
from drum_core.options.score import ScoreOptions
from drum_core.protocols import WorkerContext
from drum_core.results import ScoreResult

__all__ = ["score"]


def score(options: ScoreOptions, worker: WorkerContext) -> ScoreResult:
    """Loads the model, predicts on the whole input, writes the output if one is asked for.

    An output that cannot be written is found before the model is loaded. Raises `DrumError`.
    """
    if options.output is not None:
        check_writable(options.output)
    folder = open_folder(options)
    target = resolve_target(options, folder.metadata)
    started = time.perf_counter()
    model = load_model(folder, target, worker)
    loaded = time.perf_counter()
    if model.predict is None:
        raise DrumError(f"A {target.type.value} model cannot be scored on a table.")
    try:
        data = options.input.read_bytes()
    except OSError as error:
        raise InputError(f"The input {options.input} cannot be read: {error.strerror}.") from error
    frame = model.predict(Payload(data=data)).frame()
    if options.output is not None:
        write_whole(options.output, lambda file: to_csv(frame, file))
    return ScoreResult(
        predictions=frame,
        output=options.output,
        load_seconds=loaded - started,
        score_seconds=time.perf_counter() - loaded,
    )
