"""Predictions: what a model answered, checked against its target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, assert_never

from drum_core.data.labels import match_labels
from drum_core.errors import PredictionError, listed
from drum_core.model.target import (
    AnomalyTarget,
    BinaryTarget,
    ColumnTarget,
    GeoPointTarget,
    MulticlassTarget,
    MultilabelTarget,
    RegressionTarget,
    TableTarget,
    TextTarget,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame

__all__ = [
    "PREDICTIONS",
    "Predictions",
    "check_labels",
    "from_array",
    "from_frame",
    "probabilities_as_they_are",
]

PREDICTIONS: Final = "Predictions"
"""The column of a target that has only one."""

_checked: ContextVar[bool] = ContextVar("probabilities_are_checked", default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """Checked predictions, in the order of the input rows.

    `values` has the shape (rows, columns). Probabilities are floats; the values of a target
    without classes have the type the model gave them. `extra` has columns the model added.
    """

    values: NDArray[np.generic]
    columns: tuple[str, ...]
    extra: DataFrame | None = None

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.values)

    def frame(self) -> DataFrame:
        """The predictions as a table: prediction columns, then extra ones.

        Floats of fewer bits become float64, so that they are written as the numbers they are.
        """
        import pandas as pd

        frame = pd.DataFrame(self.values, columns=list(self.columns))
        if self.extra is None:
            return _widened(frame)
        return _widened(pd.concat([frame, self.extra.reset_index(drop=True)], axis=1))


def _widened(frame: DataFrame) -> DataFrame:
    narrow = [place for place, dtype in enumerate(frame.dtypes) if dtype in ("float16", "float32")]
    for place in narrow:
        frame.isetitem(place, frame.iloc[:, place].to_numpy(dtype="float64"))
    return frame


def from_frame(frame: DataFrame, target: TableTarget) -> Predictions:
    """The predictions in a table that a hook made, whose column names say what is what.

    Raises `PredictionError`.
    """
    frame, extra = _split_extra(frame, target)
    names: list[object] = list(frame.columns)
    if isinstance(target, BinaryTarget) and _is_unnamed(frame, target):
        names = []
    try:
        values = frame.to_numpy()
    except ValueError as error:
        raise PredictionError(f"The predictions cannot be read as a table: {error}") from error
    values, columns = _arranged(values, names, target)
    return Predictions(values=values, columns=columns, extra=extra)


def from_array(values: object, labels: Sequence[object] | None, target: TableTarget) -> Predictions:
    """The predictions in an array that a framework made; `labels` as it reports them, if it does.

    Raises `PredictionError`.
    """
    import numpy as np

    if not isinstance(values, np.ndarray):
        raise PredictionError(
            f"predictions must return a np array, but received {type(values).__name__}"
        )
    if values.ndim == 1:
        values = values.reshape(-1, 1)
    if values.ndim != 2:
        raise PredictionError(
            f"predictions must return a 2 dimensional array, but its shape is {values.shape}"
        )
    arranged, columns = _arranged(values, list(labels or ()), target)
    return Predictions(values=arranged, columns=columns)


def _is_unnamed(frame: DataFrame, target: BinaryTarget) -> bool:
    """Whether the columns of a binary answer carry no names: one column, or just numbered."""
    import pandas as pd

    if match_labels(list(frame.columns), target.labels) is not None:
        return False
    # A column that pandas has numbered 0 is not named after a label such as 0 or no.
    numbered = isinstance(frame.columns, pd.RangeIndex)
    return numbered or (frame.shape[1] == 1 and _label_at(frame.columns[0], target) is None)


def _split_extra(frame: DataFrame, target: TableTarget) -> tuple[DataFrame, DataFrame | None]:
    match target:
        case RegressionTarget() | AnomalyTarget() | GeoPointTarget() | TextTarget():
            if frame.shape[1] <= 1:
                return frame, None
            wanted = [_prediction_column(frame, target)]
        case BinaryTarget() | MulticlassTarget() | MultilabelTarget():
            if frame.shape[1] <= len(target.labels):
                return frame, None
            wanted = list(target.labels)
        case _:
            assert_never(target)
    texts = [str(name) for name in frame.columns]
    if missing := [name for name in wanted if name not in texts]:
        raise PredictionError(
            f"Expected predictions to have columns {listed(wanted)} among extra ones, got "
            f"{listed(texts)}; {listed(missing)} missing."
        )
    mine = [text in wanted for text in texts]
    if sum(mine) > len(wanted):
        raise PredictionError(f"The predictions have a column twice: {listed(texts)}.")
    extra = frame.loc[:, [not own for own in mine]]
    return frame.loc[:, mine], extra.rename(columns=str)


def _prediction_column(frame: DataFrame, target: ColumnTarget) -> str:
    """The name of the one column, among extra ones, that holds the predictions."""
    if not isinstance(target, TextTarget):
        return PREDICTIONS
    if target.name in {str(name) for name in frame.columns}:
        return target.name
    return target.name.removeprefix('"').removesuffix('"')


def _arranged(
    values: NDArray[np.generic], names: Sequence[object], target: TableTarget
) -> tuple[NDArray[np.generic], tuple[str, ...]]:
    """The values with the columns of the target, checked."""
    match target:
        case RegressionTarget() | AnomalyTarget() | GeoPointTarget() | TextTarget():
            if values.shape[1] != 1:
                raise PredictionError(
                    f"{target.type.value} predictions must contain only 1 column, "
                    f"got {values.shape[1]}"
                )
            return values, (PREDICTIONS,)
        case BinaryTarget():
            numbers = _numbers(values)
            if numbers.shape[1] == 1:
                numbers, columns = _both_classes(numbers, names, target)
            else:
                columns = _labelled(numbers, names, target.labels)
            _check_probabilities(numbers, sum_to_one=True)
            return numbers, columns
        case MulticlassTarget() | MultilabelTarget():
            numbers = _numbers(values)
            columns = _labelled(numbers, names, target.labels)
            _check_probabilities(numbers, sum_to_one=isinstance(target, MulticlassTarget))
            return numbers, columns
        case _:
            assert_never(target)


def _label_at(name: object, target: BinaryTarget) -> str | None:
    """The label that the only column of a binary answer is named after."""
    for label in target.labels:
        if match_labels([name], [label]) is not None:
            return label
    return None


def _both_classes(
    numbers: NDArray[np.float64], names: Sequence[object], target: BinaryTarget
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """One probability, of the positive class unless the column is named after the other."""
    import numpy as np

    given = _label_at(names[0], target) if len(names) == 1 else None
    other = 1.0 - numbers
    pair = (numbers, other) if given == target.negative else (other, numbers)
    return np.hstack(pair), target.labels


def check_labels(names: Sequence[object] | None, target: TableTarget) -> None:
    """Raises `PredictionError` when the classes that a model reports are not the target's."""
    labels = getattr(target, "labels", None)
    if names and labels and match_labels(names, labels) is None:
        raise _disagreement(names, labels)


def _disagreement(names: Sequence[object], labels: Sequence[str]) -> PredictionError:
    return PredictionError(
        f"Expected predictions to have columns [{listed(labels)}], but the model has "
        f"[{listed(str(name) for name in names)}]. Make the class labels the same."
    )


def _labelled(
    numbers: NDArray[np.float64], names: Sequence[object], labels: tuple[str, ...]
) -> tuple[str, ...]:
    if names:
        matched = match_labels(names, labels)
        if matched is None or len(names) != numbers.shape[1]:
            raise _disagreement(names, labels)
        return tuple(matched)
    if numbers.shape[1] != len(labels):
        raise PredictionError(
            "predictions must return the probability distribution for the correct number of class "
            f"labels: expected {len(labels)} columns ({listed(labels)}), got {numbers.shape[1]}"
        )
    return labels


def _numbers(values: NDArray[np.generic]) -> NDArray[np.float64]:
    import numpy as np
    import pandas as pd

    if values.dtype.kind == "O":
        values = np.where(pd.isna(values), np.nan, values)
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise PredictionError(f"The predictions must be probabilities, but {error}.") from error


@contextmanager
def probabilities_as_they_are() -> Iterator[None]:
    """Inside, and in this thread, impossible probabilities are no error: for who looks at them."""
    token = _checked.set(False)
    try:
        yield
    finally:
        _checked.reset(token)


def _check_probabilities(numbers: NDArray[np.float64], *, sum_to_one: bool) -> None:
    import numpy as np

    if not _checked.get():
        return
    if (below := np.any(numbers < 0, axis=1)).any():
        raise PredictionError(
            "Your prediction probabilities have negative values; they must be from 0 to 1. "
            + _rows_where(below, numbers)
        )
    if (above := np.any(numbers > 1, axis=1)).any():
        raise PredictionError(
            "Your prediction probabilities have values above 1; they must be from 0 to 1. "
            + _rows_where(above, numbers)
        )
    if sum_to_one:
        wrong = ~np.isclose(numbers.sum(axis=1), 1.0, rtol=1e-5, atol=1e-8)
        if wrong.any():
            raise PredictionError(
                "Your prediction probabilities do not add up to 1. " + _rows_where(wrong, numbers)
            )


def _rows_where(wrong: NDArray[np.bool_], numbers: NDArray[np.float64]) -> str:
    rows = wrong.nonzero()[0]
    shown = ", ".join(f"row {row}: {numbers[row].tolist()}" for row in rows[:3])
    more = f" and {len(rows) - 3} more rows" if len(rows) > 3 else ""
    return f"See {shown}{more} (counted from 0)."
