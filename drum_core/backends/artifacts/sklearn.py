"""scikit-learn estimators and pipelines, and the estimators of others that keep its rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import assert_never

from drum_core.backends.artifacts import Artifact
from drum_core.backends.artifacts.choice import find_framework, last_step
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
        function = _joined(function)
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


def _joined(predict_proba: Callable[[object], object]) -> Callable[[object], object]:
    """For several outputs scikit-learn may give a list with an array of two columns for each."""
    import numpy as np

    def predict(data: object) -> object:
        answer = predict_proba(data)
        if isinstance(answer, list):
            return np.column_stack([np.asarray(part)[:, -1] for part in answer])
        return answer

    return predict
