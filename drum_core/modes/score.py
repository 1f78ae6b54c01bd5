"""`drum score`: gives a file to the model, and writes or returns what comes of it."""

from __future__ import annotations

import logging
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Final, assert_never
from urllib.parse import parse_qsl

from drum_core.data.formats import format_of
from drum_core.data.input_file import read_bytes, read_input
from drum_core.data.memory import out_of_memory
from drum_core.data.output import check_writable, to_csv, write_bytes, write_whole
from drum_core.data.payload import Payload
from drum_core.errors import DrumError, InputTooLargeError, OutputError
from drum_core.messages import Query
from drum_core.model.exchange import UnstructuredAnswer, UnstructuredRequest
from drum_core.model.folder import open_folder
from drum_core.model.load import load_model, mask_secrets
from drum_core.model.target import (
    TableTarget,
    TransformTarget,
    UnstructuredTarget,
    resolve_target,
)
from drum_core.monitoring.memory import available_memory
from drum_core.monitoring.mlops import monitored, start_monitoring
from drum_core.options.score import ScoreOptions
from drum_core.progress import Advance, Progress
from drum_core.protocols import WorkerContext
from drum_core.results import ScoreResult

if TYPE_CHECKING:
    from pandas import DataFrame

    from drum_core.model.model import Model
    from drum_core.model.target import Target

__all__ = ["score"]

_logger = logging.getLogger("drum.score")

_CHARSET: Final = "utf8"
"""Of a text in a file, as hooks for batch scoring know it; HTTP requests say utf-8."""

_LINE_BY_LINE: Final = ("csv", "tsv", "jsonl")
"""Formats in which a row is a line, but for texts with line ends in them."""

_RETURNED_NONE: Final = "The hook score_unstructured returned None.\n"
"""What is written when there is nothing to write."""


def score(options: ScoreOptions, worker: WorkerContext, progress: Progress) -> ScoreResult:
    """Loads the model, gives it the whole input, writes the output if one is asked for.

    An output that cannot be written is found before the model is loaded. Raises `DrumError`.
    """
    if options.output is not None:
        if options.output.exists() and options.output.samefile(options.input):
            raise OutputError(options.output, "it is the input; give another path")
        check_writable(options.output)
    _logger.info("scoring %s with the model in %s", options.input, options.code_dir)
    folder = open_folder(options)
    mask_secrets(folder, worker)
    target = resolve_target(options, folder.metadata)
    started = time.perf_counter()
    monitoring = start_monitoring(options, target, folder.settings, worker)
    with progress.phase("Loading the model"):
        model = monitored(load_model(folder, target, worker, progress), monitoring)
    loaded = time.perf_counter()
    try:
        frame, answer = _scored(model, target, options, progress)
    except InputTooLargeError as error:  # its text is for clients of a server
        raise out_of_memory(error.limit) from error
    if options.output is not None:
        if answer is not None:
            write_bytes(options.output, answer.data)
        else:
            _write(options.output, frame, progress)
    return ScoreResult(
        predictions=frame,
        unstructured=answer,
        output=options.output,
        load_seconds=loaded - started,
        score_seconds=time.perf_counter() - loaded,
    )


def _scored(
    model: Model, target: Target, options: ScoreOptions, progress: Progress
) -> tuple[DataFrame, UnstructuredAnswer | None]:
    """A table, which is empty where there is an unstructured answer."""
    if isinstance(target, UnstructuredTarget):
        import pandas as pd

        return pd.DataFrame(), _unstructured(model, options, progress)
    if isinstance(target, TransformTarget):
        if model.transform is None:
            raise DrumError("This model does not transform tables.")
        payload = _payload(options, model, progress)
        with progress.phase(f"Transforming {_described(options, model, payload)}"):
            return model.transform(payload, None).dense(), None
    if isinstance(target, TableTarget):
        if model.predict is None:
            raise DrumError(
                f"This {target.type.value} model cannot be scored on a table: it has neither "
                "an artifact that does that nor the hook score(data, model, **kwargs)."
            )
        payload = _payload(options, model, progress)
        # All at once: what a model makes of one row may depend on the others.
        with progress.phase(f"Scoring {_described(options, model, payload)}"):
            return model.predict(payload).frame(), None
    assert_never(target)


def _payload(options: ScoreOptions, model: Model, progress: Progress) -> Payload:
    with _reading(options, progress) as advance:
        return read_input(
            options.input,
            options.sparse_column_file,
            as_it_is=model.info.reads_any_format,
            max_bytes=available_memory(),
            advance=advance,
        )


def _reading(options: ScoreOptions, progress: Progress) -> AbstractContextManager[Advance]:
    size = options.input.stat().st_size
    return progress.task(f"Reading {options.input.name}", size, unit="bytes")


def _described(options: ScoreOptions, model: Model, payload: Payload) -> str:
    """The input's name, and how long it is, where that is known without parsing it."""
    name, found = options.input.name, format_of(payload.media_type)
    if model.info.reads_any_format or found is None or found.name not in _LINE_BY_LINE:
        return name
    lines = payload.data.count(b"\n") + (not payload.data.endswith(b"\n"))
    return f"{name}, {lines:,} line{'' if lines == 1 else 's'}"


def _write(path: Path, frame: DataFrame, progress: Progress) -> None:
    with progress.task(f"Writing {path.name}", len(frame)) as advance:
        write_whole(path, lambda file: to_csv(frame, file, advance))


def _unstructured(model: Model, options: ScoreOptions, progress: Progress) -> UnstructuredAnswer:
    """The hook's answer; of two URL parameters with one name, the last counts."""
    if model.unstructured is None:
        raise DrumError("This model takes no unstructured input.")
    query = dict(parse_qsl(options.query or "", keep_blank_values=True))
    with _reading(options, progress) as advance:
        data = read_bytes(options.input, advance)
    request = UnstructuredRequest(
        data=data,
        content_type=options.content_type or f"text/plain; charset={_CHARSET}",
        default_charset=_CHARSET,
        query=Query(query.items()),
    )
    with progress.phase(f"Scoring {options.input.name}"):
        answer = model.unstructured(request)
    if not answer.is_none:
        return answer
    return UnstructuredAnswer(
        data=_RETURNED_NONE.encode(), mimetype=answer.mimetype, charset="utf-8", is_none=True
    )
