"""PMML documents, read by the package sklearn-pmml-model."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path

from sklearn_pmml_model.auto_detect import auto_detect_estimator
from sklearn_pmml_model.base import PMMLBaseEstimator

from drum_core.backends.artifacts import Artifact
from drum_core.backends.artifacts.reading import explained
from drum_core.backends.artifacts.sklearn import adapt as adapt_estimator
from drum_core.model.target import TableTarget

__all__ = ["adapt", "read_model"]


def read_model(path: Path) -> object:
    """The model in a `.pmml` file. Raises `ArtifactError`."""
    return explained(path, _read, "a PMML document with a model that sklearn-pmml-model can run")


def adapt(model: object, target: TableTarget) -> Artifact:
    """The model as a scikit-learn estimator, with the fields of the document for features."""
    assert isinstance(model, PMMLBaseEstimator)
    artifact = adapt_estimator(model, target)

    def predict(data: object) -> object:
        with warnings.catch_warnings():
            # It was never fitted, so scikit-learn wonders about the names of its columns.
            warnings.filterwarnings("ignore", message="X has feature names", category=UserWarning)
            return artifact.predict(data)

    return dataclasses.replace(
        artifact,
        predict=predict,
        features=tuple(
            str(name)
            for name, field in model.fields.items()
            if field is not model.target_field and field.tag == "DataField"
        ),
    )


def _read(path: Path) -> object:
    return auto_detect_estimator(str(path))
