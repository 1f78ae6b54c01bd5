"""XGBoost: its estimators for scikit-learn, and its own Booster."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import xgboost

from drum_core.backends.artifacts import Artifact
from drum_core.backends.artifacts.reading import explained
from drum_core.backends.artifacts.sklearn import adapt as adapt_estimator
from drum_core.backends.artifacts.ubjson import require_whole
from drum_core.errors import ArtifactError
from drum_core.model.target import ClassTarget, TableTarget

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["adapt", "read_model"]

_JSON: Final = re.compile(rb'\s*\{\s*"')

_NOT_PROBABILITIES: Final = {
    "multi:softmax": "multi:softprob",
    "binary:logitraw": "binary:logistic",
    "binary:hinge": "binary:logistic",
}
"""Objectives whose predictions are no probabilities, and those to train with instead."""


def read_model(path: Path) -> object:
    """The Booster in a `.json` or `.ubj` file, whoever saved it. Raises `ArtifactError`."""
    return explained(path, _read, "a model that XGBoost's save_model wrote")


def adapt(model: object, target: TableTarget) -> Artifact:
    """An estimator as scikit-learn's are; a Booster by its predictions on a DMatrix.

    A Booster reports no labels: it knows its classes by number only.
    """
    if not isinstance(model, xgboost.Booster):
        artifact = adapt_estimator(model, target)
        assert isinstance(model, xgboost.XGBModel)
        predict = _with_categories(artifact.predict, model.get_booster())
        return dataclasses.replace(artifact, predict=predict)
    _require_probabilities(model, target)
    names = model.feature_names
    return Artifact(
        framework="xgboost",
        predict=_with_categories(_booster_predict(model), model),
        features=None if names is None else tuple(names),
    )


def _read(path: Path) -> object:
    data = path.read_bytes()
    if _JSON.match(data):
        data = data.lstrip()
    else:
        require_whole(data)
    booster = xgboost.Booster()
    booster.load_model(bytearray(data))  # which finds the format by content
    return booster


def _require_probabilities(booster: xgboost.Booster, target: TableTarget) -> None:
    learner = json.loads(booster.save_config())["learner"]
    objective = learner["learner_train_param"]["objective"]
    if isinstance(target, ClassTarget) and objective in _NOT_PROBABILITIES:
        raise ArtifactError(
            f"The XGBoost Booster was trained with the objective {objective!r}, which does not "
            f"predict probabilities, but a {target.type.value} model must. Train it with "
            f"{_NOT_PROBABILITIES[objective]!r}, or write a score hook in custom.py."
        )


def _booster_predict(booster: xgboost.Booster) -> Callable[[object], object]:
    named = booster.feature_names is not None

    def predict(data: object) -> object:
        matrix = data
        if not isinstance(data, xgboost.DMatrix):
            matrix = xgboost.DMatrix(data, enable_categorical=True)
        return booster.predict(matrix, validate_features=named)

    return predict


def _with_categories(
    predict: Callable[[object], object], booster: xgboost.Booster
) -> Callable[[object], object]:
    """Gives texts as categories to a model that was trained on such, and that has kept them."""
    types, stored = booster.feature_types, getattr(booster, "get_categories", None)
    if not types or "c" not in types or stored is None or stored().empty():
        return predict
    places = [place for place, kind in enumerate(types) if kind == "c"]

    def predict_on_categories(data: object) -> object:
        import pandas as pd

        return predict(_categorical(data, places) if isinstance(data, pd.DataFrame) else data)

    return predict_on_categories


def _categorical(frame: DataFrame, places: list[int]) -> DataFrame:
    return frame.astype({frame.columns[place]: "category" for place in places})
