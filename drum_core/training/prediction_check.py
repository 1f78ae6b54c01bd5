"""Serves a fitted model twice, and compares what it predicts."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from drum_core.child_server import server_arguments
from drum_core.data.column_names import parse_column_names
from drum_core.data.payload import CSV, MATRIX_MARKET, Payload
from drum_core.data.tables import read_table
from drum_core.errors import PredictionError, SchemaError
from drum_core.model.schema.checks import check_output
from drum_core.options.choices import TargetType
from drum_core.results.fit import PredictionCheck
from drum_core.serving.json_values import json_values
from drum_core.serving.media_type import parse_media_type
from drum_core.serving.multipart import parse_form
from drum_core.training.comparison import differences, sample_places
from drum_core.training.encoding import as_form
from drum_core.training.rows import Rows
from drum_core.training.served_model import Answer, ServedModel, serving

if TYPE_CHECKING:
    from pandas import DataFrame

    from drum_core.model.schema.spec import TypeSchema
    from drum_core.options.fit import FitOptions
    from drum_core.progress import Progress
    from drum_core.results.report import JSON

__all__ = ["PredictionTrial", "check_predictions"]

_logger = logging.getLogger("drum.fit")

_SHOWN: Final = 5
_GIB: Final = 1 << 30

_Ask: TypeAlias = "Callable[[ServedModel, Rows], Sequence[JSON]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionTrial:
    """What a fitted model is tried with: its folder, the rows, the name of the server.

    `schema` is what the table that a transform model makes must be like. The server checks it
    too, where the folder has it.
    """

    folder: Path
    rows: Rows
    kind: TargetType
    server: str
    schema: TypeSchema | None = None


def check_predictions(
    options: FitOptions, trial: PredictionTrial, progress: Progress
) -> PredictionCheck:
    """Predicts on all rows, then, on a server that has loaded the model anew, on some again.

    So it is found when a prediction depends on chance, on rows beside it, or on what the artifact
    does not hold. A transform is given all rows both times: it may well depend on them. Raises
    `PredictionError` for a model that cannot be served or does not predict, `SchemaError` for a
    table that does not fit, unless the options say that it is only logged.
    """
    transforms = trial.kind is TargetType.TRANSFORM
    count = trial.rows.count
    places = list(range(count)) if transforms else sample_places(trial.rows.features)
    peaks: list[int] = []

    def asked(rows: Rows) -> Sequence[JSON]:
        form = as_form(rows.features, rows.target if transforms else None, rows.media_type)
        words, variables = server_arguments(options, trial.folder)
        words += [f"--server={trial.server}", "--show-stacktrace", *_without_limits(form[0])]
        with serving(words, variables, echo=progress.say if options.verbose else None) as model:
            found = _transformed(model, form, trial) if transforms else model.predict(*form)
            model.peak.look()
        peaks.append(model.peak.bytes)
        if len(found) != rows.count:
            raise PredictionError(
                f"The fitted model gave {len(found)} predictions for {rows.count} rows."
            )
        return found

    try:
        with progress.phase(f"Predicting {count:,} rows on a server"):
            first = asked(trial.rows)
        with progress.phase(f"Predicting {len(places):,} of them again, on a new server"):
            second = asked(trial.rows.at(places))
    except SchemaError as error:
        if not options.disable_strict_validation:
            raise
        _logger.warning("not checked further: %s", error)
        return PredictionCheck(rows=count, compared=0, peak_memory=max(peaks, default=0))
    differing = differences(first, second, places)
    return PredictionCheck(
        rows=count,
        compared=len(places),
        differing=len(differing),
        differences=tuple(differing[:_SHOWN]),
        peak_memory=max(peaks),
    )


def _without_limits(body: bytes) -> list[str]:
    """Flags by which the server takes this body, and as much time as the model needs."""
    size = max(_GIB, len(body))
    return [
        "--request-timeout=0",
        "--body-timeout=0",
        f"--max-body-size={size}",
        f"--max-bodies-size={2 * size}",
    ]


def _transformed(
    model: ServedModel, form: tuple[bytes, str], trial: PredictionTrial
) -> Sequence[JSON]:
    table = _table(model.post("/transform/", *form))
    if trial.schema is not None:
        check_output(table, trial.schema)
    columns = [json_values(table.iloc[:, place]) for place in range(table.shape[1])]
    names = [str(name) for name in table.columns]
    found: list[JSON] = [
        dict(zip(names, map(_plain, row), strict=True)) for row in zip(*columns, strict=True)
    ]
    return found


def _plain(value: object) -> JSON:
    if isinstance(value, (int, float)):
        return value if math.isfinite(value) else str(value)
    return None if value is None else str(value)


def _table(answer: Answer) -> DataFrame:
    """The table in the form that `/transform/` answers with."""
    form = parse_form(answer.body, parse_media_type(answer.content_type))
    parts = {part.name: part.data for part in form}
    names = parts.get("X.colnames")
    return read_table(
        Payload(
            data=parts["X.transformed"],
            media_type=MATRIX_MARKET if parts.get("X.format") == b"sparse" else CSV,
            column_names=None if names is None else parse_column_names(names),
        )
    )
