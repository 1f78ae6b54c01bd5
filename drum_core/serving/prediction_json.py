"""Predictions as the JSON that DRUM's clients read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from drum_core.data.predictions import PREDICTIONS, Predictions
from drum_core.errors import PredictionError
from drum_core.model.target import GeoPointTarget, Target, TextTarget
from drum_core.serving.json_values import json_value, json_values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame

__all__ = ["prediction_json"]

_OPTIONS: Final = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
_EXACT: Final = 2**53


def prediction_json(predictions: Predictions, target: Target | None = None) -> bytes:
    """`{"predictions": […]}`, with `extraModelOutput` when the model gave extra columns.

    An element is a number, or an object from label to probability for a target with classes; for
    a place or a text it is what the model gave. Floats are in full, and so are integers beyond
    2**53; NaN, infinities and other missing values are null. Raises `PredictionError` when a
    prediction is not a number, or nothing that JSON has.
    """
    content: dict[str, object] = {"predictions": _elements(predictions, target)}
    if predictions.extra is not None:
        content["extraModelOutput"] = _split(predictions.extra)
    return orjson.dumps(content, option=_OPTIONS)


def _elements(predictions: Predictions, target: Target | None) -> object:
    import numpy as np
    import pandas as pd

    if isinstance(target, (TextTarget, GeoPointTarget)):
        return json_values(pd.Series(predictions.values[:, 0]))
    if predictions.columns == (PREDICTIONS,):
        return np.ascontiguousarray(_numbers(predictions.values[:, 0]))
    return _objects(predictions.columns, predictions.values.astype(np.float64, copy=False))


def _objects(names: tuple[str, ...], numbers: NDArray[np.float64]) -> object:
    """A JSON object for each row. Whole columns become text at once: a quarter of the time."""
    if not len(numbers):
        return []
    import numpy as np

    columns = [
        orjson.dumps(np.ascontiguousarray(column), option=_OPTIONS)[1:-1].decode().split(",")
        for column in numbers.T
    ]
    keys = [orjson.dumps(name).decode().replace("%", "%%") for name in names]
    row = "{" + ",".join(f"{key}:%s" for key in keys) + "}"
    return orjson.Fragment("[" + ",".join(map(row.__mod__, zip(*columns, strict=True))) + "]")


def _numbers(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Numbers as floats; as integers, where a float would lose digits."""
    import numpy as np
    import pandas as pd

    if values.dtype.kind == "O":
        present = values[~pd.isna(values)]
        if len(present) == len(values) and all(type(item) is int for item in present):
            values = np.array(values.tolist())
    if values.dtype.kind in "iu" and (np.greater(values, _EXACT) | np.less(values, -_EXACT)).any():
        return values
    if values.dtype.kind in "mMc":
        raise PredictionError(f"The predictions must be numbers, but are of type {values.dtype}.")
    try:
        if values.dtype.kind == "O":
            values = np.where(pd.isna(values), np.nan, values)
        return values.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise PredictionError(f"The predictions must be numbers, but {error}.") from error


def _split(frame: DataFrame) -> dict[str, object]:
    """A table as pandas's `orient="split"` writes it."""
    columns = [json_values(frame.iloc[:, place]) for place in range(frame.shape[1])]
    return {
        "columns": [json_value(str(name)) for name in frame.columns],
        "index": list(range(len(frame))),
        "data": list(zip(*columns, strict=True)),
    }
