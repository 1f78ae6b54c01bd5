"""scikit-learn estimators and pipelines, and the estimators of others that keep its rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, assert_never

from drum_core.backends.artifacts import Artifact
from drum_core.backends.artifacts.choice import find_framework, last_step
from drum_core.data.labels import match_labels, normalized
from drum_core.errors import ArtifactError
from drum_core.model.target import (
    AnomalyTarget,
    BinaryTarget,
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

__all__ = ["adapt"]


def adapt(estimator: object, target: TableTarget) -> Artifact:
    """The estimator as an artifact: `predict_proba` for classes, `predict` for numbers."""
    labels: Sequence[object] | None = None
    match target:
        case RegressionTarget() | AnomalyTarget() | GeoPointTarget() | TextTarget():
            method = "predict"
        case BinaryTarget() | MulticlassTarget():
            method = "predict_proba"
            labels = _classes(estimator)
        case MultilabelTarget():
            method = "predict_proba"
            labels = _named_outputs(estimator, target)
        case _:
            assert_never(target)
    function = getattr(estimator, method, None)
    if not callable(function):
        raise ArtifactError(
            f"The {_framework(estimator)} object {type(last_step(estimator)).__name__} has no "
            f"{method}, which a {target.type.value} model needs. Save an estimator that has it, or "
            "write a score hook in custom.py."
        )
    if isinstance(target, MultilabelTarget):
        function = _joined(function, getattr(estimator, "classes_", None))
    return Artifact(
        framework="scikit-learn",
        predict=function,
        labels=labels,
        features=_features(estimator),
    )


def _framework(estimator: object) -> str:
    framework = find_framework(last_step(estimator))
    return framework.name if framework else "scikit-learn"


def _classes(estimator: object) -> Sequence[object] | None:
    classes = getattr(estimator, "classes_", None)
    return None if classes is None else list(classes)


def _features(estimator: object) -> tuple[str, ...] | None:
    names = getattr(estimator, "feature_names_in_", None)
    return None if names is None else tuple(str(name) for name in names)


def _named_outputs(estimator: object, target: MultilabelTarget) -> Sequence[object] | None:
    """The classes of a multilabel estimator, unless they only count its outputs."""
    classes = getattr(estimator, "classes_", None)
    if classes is None or isinstance(classes, list):
        return None
    found = list(classes)
    counted = found == list(range(len(found)))
    return None if counted and match_labels(found, target.labels) is None else found


def _joined(
    predict_proba: Callable[[object], object], classes: object
) -> Callable[[object], object]:
    """For several outputs scikit-learn may give a list, with an array for each output.

    Such an array has a column for each class that the output had in training: both, or only one.
    """
    import numpy as np

    def predict(data: object) -> object:
        answer = predict_proba(data)
        if not isinstance(answer, list):
            return answer
        known = classes if isinstance(classes, list) else [(0, 1)] * len(answer)
        return np.column_stack(
            [
                _positive(np.asarray(part), list(seen))
                for part, seen in zip(answer, known, strict=True)
            ]
        )

    return predict


def _positive(part: NDArray[np.float64], seen: Sequence[object]) -> NDArray[np.float64]:
    """The probabilities of one label, of which training may have seen one side only."""
    column = next((index for index, value in enumerate(seen) if normalized(value) == 1.0), None)
    if column is None and len(seen) == 2:
        column = 1
    return part[:, 0] * 0.0 if column is None else part[:, column]
