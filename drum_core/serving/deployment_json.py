"""Predictions as a deployment answers them: one record a row, made column by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import orjson

from drum_core.data.predictions import Predictions
from drum_core.errors import PredictionError
from drum_core.model.target import (
    AnomalyTarget,
    BinaryTarget,
    GeoPointTarget,
    MulticlassTarget,
    MultilabelTarget,
    TextTarget,
)
from drum_core.serving.deployment_config import DeploymentConfig, Scalar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame

__all__ = ["deployment_json"]

_ANOMALY_LABEL: Final = "Anomaly Score"

_Part: TypeAlias = "bytes | Sequence[bytes]"
"""A piece of every record: the same in each, or one for each."""


def deployment_json(predictions: Predictions, config: DeploymentConfig) -> bytes:
    """`{"data": [record, …]}`; a record has `prediction`, `predictionValues` and `rowId`.

    Floats are in full; NaN and infinities are null. Raises `PredictionError`.
    """
    rows = predictions.rows
    parts = [*_prediction(predictions, config), b',"rowId":', [b"%d" % row for row in range(rows)]]
    if predictions.extra is not None:
        parts += [b',"extraModelOutput":', _objects(predictions.extra)]
    return b'{"data":[' + _joined(parts, rows) + b"]}"


def _joined(parts: Sequence[_Part], rows: int) -> bytes:
    """All records, with commas between: a list of pieces, filled piece by piece, joined once."""
    whole = [b"{", *parts, b"},"]
    pieces = [b""] * (len(whole) * rows)
    for place, part in enumerate(whole):
        pieces[place :: len(whole)] = [part] * rows if isinstance(part, bytes) else list(part)
    return b"".join(pieces)[:-1]


def _prediction(predictions: Predictions, config: DeploymentConfig) -> list[_Part]:
    """The keys `prediction`, `predictionValues` and, where there is one, `predictionThreshold`."""
    target = config.target
    match target:
        case BinaryTarget():
            return _binary(predictions, config)
        case MulticlassTarget():
            numbers = _ordered(predictions, config)
            best = _texts([label for label, _ in config.classes])
            chosen = [best[place] for place in numbers.argmax(axis=1).tolist()]
            return [b'"prediction":', chosen, *_values(config, numbers)]
        case MultilabelTarget():
            numbers = _ordered(predictions, config)
            chosen = _above(numbers > config.threshold, config)
            return [b'"prediction":', chosen, *_values(config, numbers), *_threshold(config)]
        case _:
            as_it_is = isinstance(target, (TextTarget, GeoPointTarget))
            values = predictions.values[:, 0]
            column = _texts(values.tolist()) if as_it_is else _numbers(_floats(values))
            label = _ANOMALY_LABEL if isinstance(target, AnomalyTarget) else config.name
            start = b',"predictionValues":[{"label":' + _text(label) + b',"value":'
            return [b'"prediction":', column, start, column, b"}]"]


def _binary(predictions: Predictions, config: DeploymentConfig) -> list[_Part]:
    import numpy as np

    positive = _ordered(predictions, config)[:, 0]
    texts = _texts([label for label, _ in config.classes])
    chosen = [texts[0] if above else texts[1] for above in (positive > config.threshold).tolist()]
    numbers = np.column_stack((positive, 1.0 - positive))
    return [b'"prediction":', chosen, *_values(config, numbers), *_threshold(config)]


def _ordered(predictions: Predictions, config: DeploymentConfig) -> NDArray[np.float64]:
    """The probabilities in the order of the answer."""
    places = [predictions.columns.index(label) for _, label in config.classes]
    return _floats(predictions.values)[:, places]


def _values(config: DeploymentConfig, numbers: NDArray[np.float64]) -> list[_Part]:
    parts: list[_Part] = []
    start = b',"predictionValues":[{"label":'
    for place, (label, _) in enumerate(config.classes):
        parts += [start + _text(label) + b',"value":', _numbers(numbers[:, place])]
        start = b'},{"label":'
    return [*parts, b"}]"]


def _threshold(config: DeploymentConfig) -> list[_Part]:
    return [b',"predictionThreshold":' + _text(config.threshold)]


def _above(above: NDArray[np.bool_], config: DeploymentConfig) -> list[bytes]:
    """For each row the list of its labels; each combination is written once."""
    import numpy as np

    texts = _texts([label for label, _ in config.classes])
    packed = np.packbits(above, axis=1)
    known: dict[bytes, bytes] = {}
    found = []
    for key, row in zip((line.tobytes() for line in packed), above, strict=True):
        if key not in known:
            known[key] = b"[" + b",".join(texts[place] for place in row.nonzero()[0]) + b"]"
        found.append(known[key])
    return found


def _objects(frame: DataFrame) -> list[bytes]:
    """For each row an object from column to value."""
    text = frame.reset_index(drop=True).to_json(
        orient="records", double_precision=15, date_format="iso"
    )
    return [orjson.dumps(record) for record in orjson.loads(text)]


def _floats(values: NDArray[np.generic]) -> NDArray[np.float64]:
    import numpy as np

    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise PredictionError(f"The predictions must be numbers, but {error}.") from error


def _numbers(column: NDArray[np.float64]) -> list[bytes]:
    import numpy as np

    text = orjson.dumps(np.ascontiguousarray(column), option=orjson.OPT_SERIALIZE_NUMPY)
    return text[1:-1].split(b",") if column.size else []


def _texts(values: Sequence[object]) -> list[bytes]:
    return [_text(value) for value in values]


def _missing(value: object) -> None:
    """Null for what pandas calls missing: NA, NaT."""
    import pandas as pd

    if value is not pd.NA and value is not pd.NaT:
        raise TypeError


def _text(value: Scalar | object) -> bytes:
    try:
        return orjson.dumps(value, default=_missing)
    except orjson.JSONEncodeError as error:
        raise PredictionError(f"A prediction cannot be written as JSON: {error}.") from error
