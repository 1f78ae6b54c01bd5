"""Finds the framework of a model by its type, and makes an artifact of it.

A model belongs to a framework when it is an instance of one of its classes. Some of those classes
are made of one another: an XGBClassifier is a scikit-learn estimator too, and a Keras model on
PyTorch is a PyTorch module. There the class that derives from the other decides. A model that is
an instance of two classes of which neither derives from the other is an error. A scikit-learn
pipeline belongs to the framework of its last step, since that is what predicts.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Final, cast

from typing_extensions import Protocol, Self

from drum_core.backends.artifacts import FRAMEWORKS, Adapt, Artifact, Framework
from drum_core.errors import ArtifactError, listed
from drum_core.registry import import_object

if TYPE_CHECKING:
    from drum_core.model.target import TableTarget

__all__ = ["adapted", "find_framework", "is_pipeline", "last_step"]

_ESTIMATOR: Final = "sklearn.base:BaseEstimator"
_PIPELINE: Final = "sklearn.pipeline:Pipeline"


class _Pipeline(Protocol):
    """What is used of a scikit-learn pipeline."""

    steps: list[tuple[str, object]]

    def __getitem__(self, steps: slice, /) -> Self: ...
    def transform(self, data: object, /) -> object: ...


def adapted(model: object, target: TableTarget) -> Artifact | None:
    """The model as an artifact; `None` when no framework knows it.

    Raises `ArtifactError` when several do, or when the model cannot do what the target needs.
    """
    framework = find_framework(last_step(model))
    if framework is None:
        return None
    if is_pipeline(model) and not _is_estimator(last_step(model)):
        return _pipeline(model, target)
    runs = find_framework(model) or framework
    adapt = import_object(runs.adapt, purpose=f"Running a {runs.name} model")
    artifact = cast("Adapt", adapt)(model, target)
    return dataclasses.replace(artifact, framework=framework.name)


def _pipeline(pipeline: object, target: TableTarget) -> Artifact | None:
    """A pipeline whose last step scikit-learn itself cannot run: the other steps, then that."""
    last = adapted(_steps(pipeline)[-1][1], target)
    if last is None or len(_steps(pipeline)) == 1:
        return last
    before = cast("_Pipeline", pipeline)[:-1]
    names = getattr(before, "feature_names_in_", None)
    return dataclasses.replace(
        last,
        predict=lambda data: last.predict(before.transform(data)),
        features=None if names is None else tuple(str(name) for name in names),
        spelled=str,
    )


def _is_estimator(model: object) -> bool:
    base = _loaded_class(_ESTIMATOR)
    return base is not None and isinstance(model, base)


def find_framework(model: object) -> Framework | None:
    """The framework whose class the model is an instance of. Raises `ArtifactError` for two."""
    claims = {
        framework.name: (framework, claimed)
        for framework in FRAMEWORKS
        if (claimed := _class_of(model, framework)) is not None
    }
    most_specific = [
        framework
        for framework, claimed in claims.values()
        if not any(
            other is not claimed and issubclass(other, claimed) for _, other in claims.values()
        )
    ]
    if len(most_specific) > 1:
        raise ArtifactError(
            f"The model, a {type(model).__qualname__}, is an object of several frameworks, "
            f"{listed(framework.name for framework in most_specific)}. Write a score hook in "
            "custom.py that says how to use it."
        )
    return most_specific[0] if most_specific else None


def is_pipeline(model: object) -> bool:
    """Whether the model is a scikit-learn pipeline with steps."""
    pipeline = _loaded_class(_PIPELINE)
    return pipeline is not None and isinstance(model, pipeline) and bool(_steps(model))


def last_step(model: object) -> object:
    """The last step of a pipeline, which may be one itself; else the model."""
    while is_pipeline(model):
        model = _steps(model)[-1][1]
    return model


def _steps(pipeline: object) -> list[tuple[str, object]]:
    return cast("_Pipeline", pipeline).steps


def _class_of(model: object, framework: Framework) -> type | None:
    for name in framework.classes:
        found = _loaded_class(name)
        if found is not None and isinstance(model, found):
            return found
    return None


def _loaded_class(name: str) -> type | None:
    """The class, if its module is imported already."""
    module_name, _, attribute = name.partition(":")
    found = getattr(sys.modules.get(module_name), attribute, None)
    return found if isinstance(found, type) else None
