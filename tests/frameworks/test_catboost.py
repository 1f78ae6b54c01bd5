"""CatBoost models: pickled ones, and the files of save_model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from drum_core.errors import ArtifactError, InputError
from tests.frameworks.iris import IS_FIRST, LENGTH, NAME, NUMBER, SOME, X, predictor, scored
from tests.model_folders import BINARY, MULTICLASS, MULTILABEL, make_folder

catboost = pytest.importorskip("catboost")

SMALL = {
    "iterations": 5,
    "depth": 2,
    "thread_count": 1,
    "verbose": False,
    "allow_writing_files": False,
}


def saved(path: Path, model: object, name: str, metadata: str | None = None) -> Path:
    """A folder with the model, pickled or as CatBoost saves it."""
    options = {} if metadata is None else {"metadata": metadata}
    if name == "model.pkl":
        return make_folder(path, artifact=model, **options)
    folder = make_folder(path, **options)
    assert isinstance(model, catboost.CatBoost)
    model.save_model(folder / "model.cbm")
    (folder / "model.cbm").rename(folder / name)
    return folder


@pytest.mark.parametrize("name", ["model.pkl", "model.cbm", "model.CBM"])
@pytest.mark.parametrize("loss", ["RMSE", "Poisson"])
def test_regressor(tmp_path: Path, name: str, loss: str) -> None:
    """A regressor predicts on the scale of the target, whatever its loss function."""
    model = catboost.CatBoostRegressor(**SMALL, loss_function=loss).fit(X, LENGTH)
    folder = saved(tmp_path / "m", model, name)
    assert scored(folder, SOME)["Predictions"].tolist() == model.predict(SOME).tolist()
    assert predictor(folder) == "catboost"


@pytest.mark.parametrize("name", ["model.pkl", "model.cbm"])
def test_classifier_reports_its_labels(tmp_path: Path, name: str) -> None:
    """A classifier gives the probabilities of its classes by name, from a file as well."""
    model = catboost.CatBoostClassifier(**SMALL).fit(X, NAME)
    folder = saved(tmp_path / "m", model, name, MULTICLASS)
    frame = scored(folder, SOME)
    assert list(frame.columns) == ["setosa", "versicolor", "virginica"]
    assert np.array_equal(frame.to_numpy(), model.predict_proba(SOME))
    model = catboost.CatBoostClassifier(**SMALL).fit(X, IS_FIRST)
    folder = saved(tmp_path / "n", model, name, BINARY)
    assert np.array_equal(scored(folder, SOME)[["no", "yes"]], model.predict_proba(SOME))


def test_multilabel_classifier(tmp_path: Path) -> None:
    """A classifier of several labels gives the probability of each."""
    truth = np.column_stack([place == NUMBER for place in range(3)]).astype(int)
    model = catboost.CatBoostClassifier(**SMALL, loss_function="MultiLogloss").fit(X, truth)
    folder = make_folder(tmp_path / "m", metadata=MULTILABEL, artifact=model)
    assert np.array_equal(scored(folder, SOME).to_numpy(), model.predict_proba(SOME))


def test_pipeline_that_ends_in_one(tmp_path: Path) -> None:
    """A scikit-learn pipeline belongs to the framework of its last step."""
    model = make_pipeline(StandardScaler(), catboost.CatBoostClassifier(**SMALL)).fit(X, IS_FIRST)
    folder = make_folder(tmp_path / "m", metadata=BINARY, artifact=model)
    assert np.array_equal(scored(folder, SOME).to_numpy(), model.predict_proba(SOME))
    assert predictor(folder) == "catboost"


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    """Columns in another order change nothing; CatBoost alone would not notice."""
    model = catboost.CatBoostRegressor(**SMALL).fit(X, LENGTH)
    folder = saved(tmp_path / "m", model, "model.cbm")
    mixed = SOME.iloc[:, ::-1].assign(other="text")
    assert scored(folder, mixed).equals(scored(folder, SOME))
    with pytest.raises(InputError, match=r"lacks 'petal width \(cm\)'"):
        scored(folder, SOME.iloc[:, :3])
    plain = catboost.CatBoostRegressor(**SMALL).fit(X.to_numpy(), LENGTH)
    folder = saved(tmp_path / "n", plain, "model.cbm")
    assert scored(folder, SOME)["Predictions"].tolist() == plain.predict(SOME.to_numpy()).tolist()


def test_categories(tmp_path: Path) -> None:
    """Texts are given to a model that was trained on texts."""
    data = pd.DataFrame({"colour": ["red", "blue", "green"] * 10, "size": range(30)})
    model = catboost.CatBoostClassifier(**SMALL, cat_features=["colour"])
    model.fit(data, (data["colour"] == "red").astype(int))
    folder = saved(tmp_path / "m", model, "model.cbm", BINARY)
    given = pd.DataFrame({"colour": ["red", "green"], "size": [3, 4]})
    assert np.array_equal(scored(folder, given).to_numpy(), model.predict_proba(given))


def test_model_of_another_target_is_refused(tmp_path: Path) -> None:
    """A regressor cannot be the model of a target with classes."""
    model = catboost.CatBoostRegressor(**SMALL).fit(X, LENGTH)
    for name in ("model.cbm", "model.pkl"):
        folder = saved(tmp_path / name / "m", model, name, BINARY)
        with pytest.raises(ArtifactError, match=r"cannot be the model of a binary target.*'RMSE'"):
            scored(folder, SOME)


@pytest.mark.parametrize("content", [b"", b"something else", None])
def test_broken_file(tmp_path: Path, content: bytes | None) -> None:
    """A file that is cut short or is something else names the file and what was expected."""
    model = catboost.CatBoostRegressor(**SMALL).fit(X, LENGTH)
    folder = saved(tmp_path / "m", model, "model.cbm")
    path = folder / "model.cbm"
    path.write_bytes(path.read_bytes()[:600] if content is None else content)
    with pytest.raises(ArtifactError, match=r"model\.cbm.*Expected a model that CatBoost's"):
        scored(folder, SOME)
