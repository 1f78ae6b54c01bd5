"""Predictions as a deployment answers them: one record a row, made column by column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import orjson

from drum_core.data.predictions import Predictions
from drum_core.errors import PredictionError, listed
from drum_core.model.target import (
    AnomalyTarget,
    BinaryTarget,
    GeoPointTarget,
    MulticlassTarget,
    MultilabelTarget,
    TextTarget,
)
from drum_core.serving.deployment_config import DeploymentConfig, Scalar
from drum_core.serving.json_values import json_value, json_values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame

__all__ = ["deployment_json"]

_ANOMALY_LABEL: Final = "Anomaly Score"
_WORD: Final = 64


@dataclass(frozen=True, slots=True)
class _Choice:
    """A piece that is, in each record, one of a few."""

    texts: Sequence[bytes]
    places: Sequence[int]

    def between(self, before: bytes, after: bytes) -> list[bytes]:
        """The piece of each record, with a text before and after it."""
        whole = [before + text + after for text in self.texts]
        return [whole[place] for place in self.places]


_Part: TypeAlias = "bytes | Sequence[bytes] | _Choice"
"""A piece of every record: the same in each, one for each, or one of a few."""


def deployment_json(predictions: Predictions, config: DeploymentConfig) -> bytes:
    """`{"data": [record, …]}`; a record has `prediction`, `predictionValues` and `rowId`.

    Floats are in full; NaN and infinities are null. Raises `PredictionError`.
    """
    rows = predictions.rows
    parts: list[_Part] = [b"{", *_prediction(predictions, config), b',"rowId":']
    if predictions.extra is None:
        parts.append([b"%d}," % row for row in range(rows)])
    else:
        parts.append([b"%d" % row for row in range(rows)])
        parts += [b',"extraModelOutput":', _objects(predictions.extra), b"},"]
    return b'{"data":[' + _joined(parts, rows) + b"]}"


def _joined(parts: Sequence[_Part], rows: int) -> bytes:
    """All records, with commas between: a list of pieces, filled piece by piece, joined once."""
    columns = _columns(parts, rows)
    pieces = [b""] * (len(columns) * rows)
    for place, column in enumerate(columns):
        pieces[place :: len(columns)] = column
    return b"".join(pieces)[:-1]


def _columns(parts: Sequence[_Part], rows: int) -> list[Sequence[bytes]]:
    """The pieces of each record; as few as can be, because each of them costs time."""
    found: list[Sequence[bytes]] = []
    waiting, choice = b"", None
    before = b""
    for part in parts:
        if isinstance(part, bytes):
            waiting += part
        elif isinstance(part, _Choice):
            before, waiting, choice = waiting, b"", part
        else:
            if choice is not None:
                found.append(choice.between(before, waiting))
            elif waiting:
                found.append([waiting] * rows)
            found.append(part)
            waiting, choice = b"", None
    return [*found, [waiting] * rows] if waiting else found


def _prediction(predictions: Predictions, config: DeploymentConfig) -> list[_Part]:
    """The keys `prediction`, `predictionValues` and, where there is one, `predictionThreshold`."""
    target = config.target
    match target:
        case BinaryTarget():
            return _binary(predictions, config)
        case MulticlassTarget():
            numbers = _ordered(predictions, config)
            best = _Choice(_labels(config), numbers.argmax(axis=1).tolist())
            return [b'"prediction":', best, *_values(config, numbers)]
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
    chosen = _Choice(_labels(config), (~(positive > config.threshold)).astype(int).tolist())
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


def _above(above: NDArray[np.bool_], config: DeploymentConfig) -> _Choice:
    """For each row the list of its labels; each combination is written once."""
    import numpy as np

    labels = _labels(config)
    spare = -above.shape[1] % _WORD
    bits = np.packbits(np.pad(above, ((0, 0), (0, spare))), axis=1)
    words = np.ascontiguousarray(bits).view(np.uint64)
    # Comparing single numbers is ten times as fast as comparing rows of them.
    keys, axis = (words[:, 0], None) if words.shape[1] == 1 else (words, 0)
    _, first, places = np.unique(keys, axis=axis, return_index=True, return_inverse=True)
    texts = [
        b"[" + b",".join(labels[place] for place in row.nonzero()[0]) + b"]" for row in above[first]
    ]
    return _Choice(texts, places.ravel().tolist())


def _labels(config: DeploymentConfig) -> list[bytes]:
    return _texts([label for label, _ in config.classes])


def _objects(frame: DataFrame) -> list[bytes]:
    """For each row an object from column to value. Raises `PredictionError`."""
    names = [json_value(str(name)) for name in frame.columns]
    if len(set(names)) < len(names):
        raise PredictionError(
            f"The extra columns need different names, got {listed(names)}. Rename them."
        )
    columns = [json_values(frame.iloc[:, place]) for place in range(len(names))]
    rows = zip(*columns, strict=True)
    return [orjson.dumps(dict(zip(names, row, strict=True))) for row in rows]


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
