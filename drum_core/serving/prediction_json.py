"""Predictions as the JSON that DRUM's clients read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from drum_core.data.predictions import PREDICTIONS, Predictions
from drum_core.errors import PredictionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame

__all__ = ["prediction_json"]

_OPTIONS: Final = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def prediction_json(predictions: Predictions) -> bytes:
    """`{"predictions": […]}`, with `extraModelOutput` when the model gave extra columns.

    An element is a number, or an object from label to probability for a target with classes.
    Floats are in full; NaN and infinities are null. Raises `PredictionError` when a prediction
    is not a number.
    """
    content: dict[str, object] = {"predictions": _elements(predictions)}
    if predictions.extra is not None:
        content["extraModelOutput"] = _split(predictions.extra)
    return orjson.dumps(content, option=_OPTIONS)


def _elements(predictions: Predictions) -> object:
    import numpy as np

    numbers = _numbers(predictions.values)
    if predictions.columns == (PREDICTIONS,):
        return np.ascontiguousarray(numbers[:, 0])
    columns = predictions.columns
    return [dict(zip(columns, row, strict=True)) for row in numbers.tolist()]


def _numbers(values: NDArray[np.generic]) -> NDArray[np.float64]:
    import numpy as np

    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise PredictionError(f"The predictions must be numbers, but {error}.") from error


def _split(frame: DataFrame) -> dict[str, object]:
    """A table as pandas's `orient="split"` writes it."""
    frame = frame.reset_index(drop=True)
    text = frame.to_json(orient="split", double_precision=15, date_format="iso")
    return {key: orjson.Fragment(orjson.dumps(value)) for key, value in orjson.loads(text).items()}
