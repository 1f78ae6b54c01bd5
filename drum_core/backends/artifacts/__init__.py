"""The frameworks whose artifacts can be run: how each reads a file, and what it makes of it.

All tables hold import strings, so that a framework is imported only when a folder needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from drum_core.backends.artifacts.columns import with_features

if TYPE_CHECKING:
    from pandas import DataFrame

    from drum_core.model.target import TableTarget

__all__ = ["FRAMEWORKS", "READERS", "Adapt", "Artifact", "Framework", "ReadArtifact"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """An object of a framework, as something that predicts.

    `predict` takes a table, or what a read_input_data hook made instead, and gives an array of
    the shape (rows,) or (rows, columns). `labels` are the classes of its columns as the object
    reports them, `None` when it reports none. `features` are the columns it was trained on,
    `None` when it does not know; `spelled` is how its framework writes the name of a column.
    """

    framework: str
    predict: Callable[[object], object]
    labels: Sequence[object] | None = None
    features: tuple[str, ...] | None = None
    spelled: Callable[[str], str] = str

    def select(self, frame: DataFrame) -> DataFrame:
        """The table as the model wants it: its columns by name, if it knows their names.

        Raises `InputError` when one is missing.
        """
        if self.features is None:
            return frame
        return with_features(frame, self.features, spelled=self.spelled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """A framework: the classes its models are instances of, and what makes an artifact of one.

    The classes are looked up only in modules that are imported already: nobody can hold an
    object of a module that never was.
    """

    name: str
    classes: tuple[str, ...]
    adapt: str


ReadArtifact: TypeAlias = Callable[[Path], object]
"""Reads the object in a file. Raises `ArtifactError`."""

Adapt: TypeAlias = "Callable[[object, TableTarget], Artifact]"
"""Makes an artifact of an object of the framework. Raises `ArtifactError` when the object cannot
do what the target needs."""

_HERE: Final = "drum_core.backends.artifacts"

READERS: Final[Mapping[str, str]] = {
    ".pkl": f"{_HERE}.pickled:read_pickle",
    ".joblib": f"{_HERE}.pickled:read_joblib",
    ".json": f"{_HERE}.xgboost:read_model",
    ".ubj": f"{_HERE}.xgboost:read_model",
    ".txt": f"{_HERE}.lightgbm:read_model",
    ".cbm": f"{_HERE}.catboost:read_model",
    ".pth": f"{_HERE}.torch:read_model",
    ".pt": f"{_HERE}.torch:read_model",
    ".keras": f"{_HERE}.keras:read_model",
    ".h5": f"{_HERE}.keras:read_model",
    ".onnx": f"{_HERE}.onnx:read_model",
    ".pmml": f"{_HERE}.pmml:read_model",
    "MLmodel": f"{_HERE}.mlflow:read_model",
}
"""By file extension in lower case, or by file name."""

FRAMEWORKS: Final[tuple[Framework, ...]] = (
    Framework(
        name="scikit-learn",
        classes=("sklearn.base:BaseEstimator",),
        adapt=f"{_HERE}.sklearn:adapt",
    ),
    Framework(
        name="xgboost",
        classes=("xgboost:XGBModel", "xgboost:Booster"),
        adapt=f"{_HERE}.xgboost:adapt",
    ),
    Framework(
        name="lightgbm",
        classes=("lightgbm:LGBMModel", "lightgbm:Booster"),
        adapt=f"{_HERE}.lightgbm:adapt",
    ),
    Framework(
        name="catboost",
        classes=("catboost:CatBoost",),
        adapt=f"{_HERE}.catboost:adapt",
    ),
    Framework(
        name="torch",
        classes=("torch.nn:Module",),
        adapt=f"{_HERE}.torch:adapt",
    ),
    Framework(
        name="keras",
        classes=("keras:Model",),
        adapt=f"{_HERE}.keras:adapt",
    ),
    Framework(
        name="onnx",
        classes=("onnxruntime:InferenceSession",),
        adapt=f"{_HERE}.onnx:adapt",
    ),
    Framework(
        name="pmml",
        classes=("sklearn_pmml_model.base:PMMLBaseEstimator",),
        adapt=f"{_HERE}.pmml:adapt",
    ),
    Framework(
        name="mlflow",
        classes=("mlflow.pyfunc:PyFuncModel",),
        adapt=f"{_HERE}.mlflow:adapt",
    ),
)
