"""The small scikit-learn models of `drum new model --template sklearn-…`."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sklearn
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from drum_core.options.choices import TargetType

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["Trained", "TrainingData", "train", "training_data"]

_SEED: Final = 0
_SAMPLE_ROWS: Final = 20


@dataclass(frozen=True)
class Trained:
    """A fitted model as the files of a folder need it.

    `labels` are the model's `classes_`, empty for regression; `sample` has rows that the model
    has not seen, without the target; `quality` is a sentence about all such rows.
    """

    artifact: bytes
    target_type: TargetType
    target_name: str
    labels: tuple[str, ...]
    positive_label: str | None
    sample: DataFrame
    requirements: tuple[str, ...]
    data: str
    quality: str


@dataclass(frozen=True)
class TrainingData:
    """Rows to train on, with the column `target`, and others without it."""

    rows: DataFrame
    sample: DataFrame
    target: str
    requirements: tuple[str, ...]
    data: str


@dataclass(frozen=True)
class _Recipe:
    load: Callable[[], tuple[DataFrame, Series]]
    target_type: TargetType
    target_name: str
    data: str
    positive_label: str | None = None


def train(template: str) -> Trained:
    """Trains the model of a template; the same installation gives the same model each time."""
    recipe = _RECIPES[template]
    features, target = recipe.load()
    classes = recipe.target_type is not TargetType.REGRESSION
    train_x, test_x, train_y, test_y = train_test_split(
        features, target, test_size=0.25, random_state=_SEED, stratify=target if classes else None
    )
    estimator = LogisticRegression(max_iter=1000) if classes else RidgeCV()
    model = make_pipeline(StandardScaler(), estimator)
    model.fit(train_x, train_y)
    score = float(model.score(test_x, test_y))
    return Trained(
        artifact=pickle.dumps(model),
        target_type=recipe.target_type,
        target_name=recipe.target_name,
        labels=tuple(str(label) for label in model.classes_) if classes else (),
        positive_label=recipe.positive_label,
        sample=test_x.head(_SAMPLE_ROWS),
        requirements=(f"scikit-learn=={sklearn.__version__}",),
        data=recipe.data,
        quality=f"accuracy {score:.3f}" if classes else f"R² {score:.3f}",
    )


def training_data() -> TrainingData:
    """The iris data, with the names of the species; the same each time."""
    recipe = _RECIPES["sklearn-multiclass"]
    features, target = recipe.load()
    train_x, test_x, train_y, _ = train_test_split(
        features, target, test_size=0.25, random_state=_SEED, stratify=target
    )
    return TrainingData(
        rows=train_x.assign(**{recipe.target_name: train_y}),
        sample=test_x.head(_SAMPLE_ROWS),
        target=recipe.target_name,
        requirements=(f"scikit-learn=={sklearn.__version__}",),
        data=recipe.data,
    )


def _diabetes() -> tuple[DataFrame, Series]:
    bunch = load_diabetes(as_frame=True, scaled=False)
    return bunch.data, bunch.target


def _breast_cancer() -> tuple[DataFrame, Series]:
    bunch = load_breast_cancer(as_frame=True)
    return bunch.data, _named(bunch.target, bunch.target_names)


def _iris() -> tuple[DataFrame, Series]:
    bunch = load_iris(as_frame=True)
    return bunch.data, _named(bunch.target, bunch.target_names)


def _named(target: Series, names: Iterable[object]) -> Series:
    """The target with the names of its classes in place of their numbers."""
    return target.map({number: str(name) for number, name in enumerate(names)})


_RECIPES: Final[Mapping[str, _Recipe]] = {
    "sklearn-regression": _Recipe(
        _diabetes,
        TargetType.REGRESSION,
        "progression",
        "the diabetes data of scikit-learn: how far the disease has got after a year",
    ),
    "sklearn-binary": _Recipe(
        _breast_cancer,
        TargetType.BINARY,
        "diagnosis",
        "the breast cancer data of scikit-learn: whether a tumour is malignant or benign",
        positive_label="malignant",
    ),
    "sklearn-multiclass": _Recipe(
        _iris,
        TargetType.MULTICLASS,
        "species",
        "the iris data of scikit-learn: which of three species a flower is",
    ),
}
