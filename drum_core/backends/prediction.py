"""One prediction, from bytes to checked columns, through hooks and artifact in DRUM's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drum_core.backends.artifacts import Artifact
from drum_core.data.payload import Payload
from drum_core.data.predictions import Predictions, from_array, from_frame
from drum_core.data.tables import read_table
from drum_core.errors import HookFailedError, PredictionError, UserHTTPError, listed
from drum_core.model.hooks import Hook, Hooks
from drum_core.model.target import BinaryTarget, MulticlassTarget, MultilabelTarget, TableTarget
from drum_core.process_end import is_interrupt

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Pipeline", "read_data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """`read_input_data`, `transform`, `score` or the artifact, `post_process`: what there is of it.

    Either there is an artifact, or there is a `score` hook.
    """

    hooks: Hooks
    model: object
    artifact: Artifact | None
    target: TableTarget

    def predict(self, payload: Payload) -> Predictions:
        """Predicts on a table; as `drum_core.model.model.Predict`."""
        data = read_data(self.hooks, payload)
        rows = _rows(data)
        if self.hooks.transform is not None:
            data = self.hooks.transform(data, self.model)
            _require_frame(data, self.hooks.transform)
        predictions = self._score(data, payload)
        _check_rows(predictions.rows, rows, "The model")
        if self.hooks.post_process is not None:
            if predictions.extra is not None:
                rows = predictions.rows  # the extra columns have as many
            predictions = self._post_processed(predictions)
            _check_rows(predictions.rows, rows, "The hook post_process")
        return predictions

    def _score(self, data: object, payload: Payload) -> Predictions:
        if self.hooks.score is not None:
            answer = self.hooks.score(data, self.model, **self._keywords(payload))
            return from_frame(_require_frame(answer, self.hooks.score), self.target)
        if self.artifact is None:  # pragma: no cover - the backend gives one or the other
            raise PredictionError("The model has neither a score hook nor an artifact.")
        return _run(self.artifact, data, self.target)

    def _keywords(self, payload: Payload) -> dict[str, object]:
        """What a score hook is told besides data and model."""
        found: dict[str, object] = {
            "binary_data": payload.data,
            "mimetype": payload.media_type,
            "sparse_colnames": list(payload.column_names) if payload.column_names else None,
            "target_type": self.target.type,
        }
        if payload.charset is not None:
            found["charset"] = payload.charset
        match self.target:
            case BinaryTarget(positive=positive, negative=negative):
                found.update(positive_class_label=positive, negative_class_label=negative)
            case MulticlassTarget(labels=labels) | MultilabelTarget(labels=labels):
                found["class_labels"] = list(labels)
            case _:
                pass
        return found

    def _post_processed(self, predictions: Predictions) -> Predictions:
        import pandas as pd

        assert self.hooks.post_process is not None
        columns = list(predictions.columns)
        given = pd.DataFrame(predictions.values, columns=columns)
        hook = self.hooks.post_process
        frame = _require_frame(hook(given, self.model), hook)
        if frame.shape[1] > len(columns):
            raise PredictionError(
                f"The hook post_process must not add columns: it was given {listed(columns)} and "
                f"returned {listed(frame.columns)}. Return extra columns from the score hook."
            )
        checked = from_frame(frame, self.target)
        return Predictions(values=checked.values, columns=checked.columns, extra=predictions.extra)


def read_data(hooks: Hooks, payload: Payload) -> object:
    """What the hook read_input_data makes of the payload, else the table in it.

    Raises `InputError`, `HookFailedError` or `UserHTTPError`.
    """
    if hooks.read_input_data is not None:
        return hooks.read_input_data(payload.data)
    return read_table(payload)


def _run(artifact: Artifact, data: object, target: TableTarget) -> Predictions:
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        data = artifact.select(data)
    try:
        values = artifact.predict(data)
    except UserHTTPError:
        raise
    except BaseException as error:
        if is_interrupt(error):
            raise
        name = f"The {artifact.framework} model"
        hints = _oddities(data) if isinstance(data, pd.DataFrame) else ()
        raise HookFailedError(name, error, hints) from error
    return from_array(values, artifact.labels, target)


def _oddities(frame: DataFrame) -> list[str]:
    """Sentences about what models often choke on, for the error of one that did."""
    import numpy as np

    sentences = []
    numbers = frame.select_dtypes("number")
    infinite = [name for name in numbers.columns if np.isinf(numbers[name].to_numpy(float)).any()]
    if infinite:
        sentences.append(f"Columns with infinite values: {listed(infinite)}.")
    if empty := [name for name in frame.columns if frame[name].isna().all()]:
        sentences.append(f"Columns without any value: {listed(empty)}.")
    texts = frame.select_dtypes(exclude=["number", "bool"]).columns
    if len(texts):
        sentences.append(f"Columns that hold text: {listed(texts)}.")
    return sentences


def _require_frame(value: object, hook: Hook) -> DataFrame:
    import pandas as pd

    if not isinstance(value, pd.DataFrame):
        raise PredictionError(
            f"{hook.name_in_errors} must return a pandas DataFrame, got {type(value).__name__}."
        )
    return value


def _rows(data: object) -> int | None:
    """The number of rows of the input; `None` for what a read_input_data hook made of it."""
    import pandas as pd

    return len(data) if isinstance(data, pd.DataFrame) else None


def _check_rows(found: int, expected: int | None, who: str) -> None:
    if expected is not None and found != expected:
        raise PredictionError(
            f"{who} gave {found} predictions for {expected} rows of input; expected one for each."
        )
