"""CatBoost models."""

from __future__ import annotations

from pathlib import Path

import catboost

from drum_core.backends.artifacts import Artifact
from drum_core.backends.artifacts.reading import explained
from drum_core.errors import ArtifactError
from drum_core.model.target import (
    BinaryTarget,
    ClassTarget,
    MulticlassTarget,
    RegressionTarget,
    TableTarget,
)

__all__ = ["adapt", "read_model"]


def read_model(path: Path) -> object:
    """The model in a `.cbm` file. Raises `ArtifactError`."""
    return explained(path, _read, "a model that CatBoost's save_model wrote")


def adapt(model: object, target: TableTarget) -> Artifact:
    """Probabilities for classes; else predictions on the scale of the target."""
    assert isinstance(model, catboost.CatBoost)
    suited = _suited(model, target)
    classes = isinstance(target, ClassTarget)
    labels = list(suited.classes_) if isinstance(target, (BinaryTarget, MulticlassTarget)) else None
    names = tuple(str(name) for name in suited.feature_names_ or ())
    return Artifact(
        framework="catboost",
        predict=suited.predict_proba if classes else suited.predict,
        labels=labels,
        features=None if names == tuple(str(place) for place in range(len(names))) else names,
    )


def _read(path: Path) -> object:
    return catboost.CatBoost().load_model(str(path), format="cbm")


def _suited(model: catboost.CatBoost, target: TableTarget) -> catboost.CatBoost:
    """A file does not say whether a classifier or a regressor wrote it: its loss function does."""
    try:
        if isinstance(target, ClassTarget) and not isinstance(model, catboost.CatBoostClassifier):
            return catboost.to_classifier(model)
        if isinstance(target, RegressionTarget) and type(model) is catboost.CatBoost:
            return catboost.to_regressor(model)
    except catboost.CatBoostError as error:
        if isinstance(target, RegressionTarget) and model.is_fitted():
            return model  # a ranker, say: its raw values are its predictions
        raise ArtifactError(
            f"The CatBoost model cannot be the model of a {target.type.value} target: {error}. "
            "Train one that fits, or write a score hook in custom.py."
        ) from error
    return model
