"""LightGBM: its estimators for scikit-learn, and its own Booster."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import lightgbm

from drum_core.backends.artifacts import Artifact
from drum_core.backends.artifacts.reading import explained
from drum_core.backends.artifacts.sklearn import adapt as adapt_estimator
from drum_core.model.target import TableTarget

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["adapt", "read_model"]

_SIZES: Final = re.compile(rb"^tree_sizes=([0-9 ]*)$", re.MULTILINE)
_FIRST_TREE: Final = re.compile(rb"^Tree=0$", re.MULTILINE)
_UNNAMED: Final = re.compile(r"Column_\d+")


def read_model(path: Path) -> object:
    """The Booster in a text file that LightGBM wrote. Raises `ArtifactError`."""
    return explained(path, _read, "a model that LightGBM's save_model wrote")


def adapt(model: object, target: TableTarget) -> Artifact:
    """An estimator as scikit-learn's are; a Booster by its own predictions, without labels."""
    if isinstance(model, lightgbm.Booster):
        booster = model
        artifact = Artifact(framework="lightgbm", predict=booster.predict)
    else:
        artifact = adapt_estimator(model, target)
        assert isinstance(model, lightgbm.LGBMModel)
        booster = model.booster_
    names = tuple(str(name) for name in booster.feature_name())
    return dataclasses.replace(
        artifact,
        predict=_with_categories(artifact.predict, booster),
        features=None if all(_UNNAMED.fullmatch(name) for name in names) else names,
        spelled=_spelled,
    )


def _read(path: Path) -> object:
    text = path.read_bytes()
    _require_whole(text)
    return lightgbm.Booster(model_str=text.decode("utf-8"))


def _require_whole(text: bytes) -> None:
    """Raises `ValueError` unless each tree starts where the header says.

    LightGBM reads trees in several threads; a text that is cut short ends the process.
    """
    sizes, tree = _SIZES.search(text), _FIRST_TREE.search(text)
    if sizes is None:
        raise ValueError("there is no line tree_sizes=")
    numbers = [int(size) for size in sizes[1].split()]
    if numbers and tree is None:
        raise ValueError("there are no trees")
    place = tree.start() if tree is not None else 0
    for number, size in enumerate(numbers):
        if not text.startswith(b"Tree=%d\n" % number, place):
            raise ValueError(f"the tree {number} does not start where the header says")
        place += size
    if b"end of trees" not in text[place:]:
        raise ValueError("the trees do not end")


def _spelled(name: str) -> str:
    """LightGBM writes names without spaces."""
    return name.replace(" ", "_")


def _with_categories(
    predict: Callable[[object], object], booster: lightgbm.Booster
) -> Callable[[object], object]:
    """Gives texts as categories to a model that was trained on as many columns of categories."""
    kept = len(booster.pandas_categorical or ())
    if not kept:
        return predict

    def predict_on_categories(data: object) -> object:
        import pandas as pd

        return predict(_categorical(data, kept) if isinstance(data, pd.DataFrame) else data)

    return predict_on_categories


def _categorical(frame: DataFrame, kept: int) -> DataFrame:
    texts = frame.select_dtypes(exclude=["number", "bool", "category"]).columns
    return frame.astype(dict.fromkeys(texts, "category")) if len(texts) == kept else frame
