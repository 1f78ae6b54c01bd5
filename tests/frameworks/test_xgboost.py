"""XGBoost models: pickled estimators and Boosters, and the files of save_model."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from drum_core.errors import ArtifactError, InputError
from tests.frameworks.iris import (
    IS_FIRST,
    LENGTH,
    NUMBER,
    NUMBERED,
    SOME,
    X,
    predictor,
    scored,
)
from tests.model_folders import BINARY, MULTICLASS, MULTILABEL, make_folder

xgboost = pytest.importorskip("xgboost")

SMALL = {"n_estimators": 5, "max_depth": 2, "n_jobs": 1}


def test_regressor(tmp_path: Path) -> None:
    """A pickled XGBRegressor predicts as it does when it is called directly."""
    model = xgboost.XGBRegressor(**SMALL).fit(X, LENGTH)
    folder = make_folder(tmp_path / "m", artifact=model)
    assert scored(folder, SOME)["Predictions"].tolist() == model.predict(SOME).tolist()
    assert predictor(folder) == "xgboost"


def test_classifier_reports_its_labels(tmp_path: Path) -> None:
    """A pickled XGBClassifier gives the probabilities of its classes, found by number."""
    model = xgboost.XGBClassifier(**SMALL).fit(X, NUMBER)
    folder = make_folder(tmp_path / "m", metadata=NUMBERED, artifact=model)
    frame = scored(folder, SOME)
    assert list(frame.columns) == ["0", "1", "2"]
    assert np.array_equal(frame.to_numpy(), model.predict_proba(SOME).astype(float))


def test_multilabel_classifier(tmp_path: Path) -> None:
    """A classifier of several labels gives the probability of each."""
    truth = np.column_stack([place == NUMBER for place in range(3)]).astype(int)
    model = xgboost.XGBClassifier(**SMALL).fit(X, truth)
    folder = make_folder(tmp_path / "m", metadata=MULTILABEL, artifact=model)
    frame = scored(folder, SOME)
    assert np.array_equal(frame.to_numpy(), model.predict_proba(SOME).astype(float))


def test_pipeline_that_ends_in_an_estimator(tmp_path: Path) -> None:
    """A scikit-learn pipeline belongs to the framework of its last step."""
    model = make_pipeline(StandardScaler(), xgboost.XGBClassifier(**SMALL)).fit(X, IS_FIRST)
    folder = make_folder(tmp_path / "m", metadata=BINARY, artifact=model)
    frame = scored(folder, SOME)
    assert list(frame.columns) == ["no", "yes"]
    assert np.array_equal(frame.to_numpy(), model.predict_proba(SOME).astype(float))
    assert predictor(folder) == "xgboost"


@pytest.mark.parametrize("name", ["model.pkl", "model.json", "model.ubj", "model.UBJ"])
def test_binary_booster(tmp_path: Path, name: str) -> None:
    """A Booster gives one column: how probable the positive class is."""
    data = xgboost.DMatrix(X, IS_FIRST)
    model = xgboost.train({"objective": "binary:logistic", "max_depth": 2}, data, 4)
    folder = make_folder(tmp_path / "m", metadata=BINARY)
    if name == "model.pkl":
        (folder / name).write_bytes(pickle.dumps(model))
    else:
        kind = name.rpartition(".")[2].lower()
        (folder / name).write_bytes(model.save_raw(raw_format=kind))
    frame = scored(folder, SOME)
    expected = model.predict(xgboost.DMatrix(SOME)).astype(float)
    assert frame["yes"].tolist() == expected.tolist()
    assert frame["no"].tolist() == (1 - expected).tolist()
    assert predictor(folder) == "xgboost"


def test_multiclass_booster_is_in_the_order_of_the_labels(tmp_path: Path) -> None:
    """A Booster of several classes gives a column each, in the order of the metadata."""
    model = xgboost.XGBClassifier(**SMALL).fit(X, NUMBER)
    folder = make_folder(tmp_path / "m", metadata=MULTICLASS)
    model.save_model(folder / "model.json")
    frame = scored(folder, SOME)
    assert list(frame.columns) == ["setosa", "versicolor", "virginica"]
    assert np.array_equal(frame.to_numpy(), model.predict_proba(SOME).astype(float))


def test_booster_finds_columns_by_name(tmp_path: Path) -> None:
    """Columns in another order, and others beside them, change nothing; a missing one is named."""
    model = xgboost.train({"max_depth": 2}, xgboost.DMatrix(X, LENGTH), 4)
    folder = make_folder(tmp_path / "m", artifact=model)
    mixed = SOME.iloc[:, ::-1].assign(other="text")
    assert scored(folder, mixed).equals(scored(folder, SOME))
    with pytest.raises(InputError, match=r"lacks 'petal width \(cm\)'"):
        scored(folder, SOME.iloc[:, :3])


def test_booster_without_names_takes_columns_as_they_come(tmp_path: Path) -> None:
    """A Booster that was trained on a matrix takes the columns by position."""
    model = xgboost.train({"max_depth": 2}, xgboost.DMatrix(X.to_numpy(), LENGTH), 4)
    folder = make_folder(tmp_path / "m", artifact=model)
    expected = model.predict(xgboost.DMatrix(SOME.to_numpy()))
    assert scored(folder, SOME)["Predictions"].tolist() == expected.tolist()


@pytest.mark.parametrize("native", [False, True])
def test_categories(tmp_path: Path, native: bool) -> None:
    """Texts of a CSV are the categories that the model was trained on, whichever come."""
    data = pd.DataFrame({"colour": ["red", "blue", "green"] * 10, "size": range(30)})
    model = xgboost.XGBClassifier(**SMALL, enable_categorical=True)
    model.fit(data.astype({"colour": "category"}), data["colour"] == "red")
    if not hasattr(model.get_booster(), "get_categories"):
        pytest.skip("this version of XGBoost does not keep categories")
    folder = make_folder(tmp_path / "m", metadata=BINARY, artifact=None if native else model)
    if native:
        model.save_model(folder / "model.ubj")
    frame = scored(folder, pd.DataFrame({"colour": ["red", "green"], "size": [3, 4]}))
    assert frame["yes"][0] > 0.5 > frame["yes"][1]


def test_objective_without_probabilities_is_refused(tmp_path: Path) -> None:
    """A Booster that predicts class numbers is refused, with the objective to train with."""
    params = {"objective": "multi:softmax", "num_class": 3, "max_depth": 2}
    model = xgboost.train(params, xgboost.DMatrix(X, NUMBER), 2)
    folder = make_folder(tmp_path / "m", metadata=MULTICLASS, artifact=model)
    with pytest.raises(ArtifactError, match=r"'multi:softmax'.*Train it with 'multi:softprob'"):
        scored(folder, SOME)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.ubj", b""),
        ("model.ubj", b"something else"),
        ("model.ubj", "cut"),
        ("model.json", "cut"),
        ("model.json", b'{"learner": {}}'),
    ],
)
def test_broken_file(tmp_path: Path, name: str, content: bytes | str) -> None:
    """A file that is something else names the file and what was expected."""
    folder = make_folder(tmp_path / "m")
    model = xgboost.train({"max_depth": 2}, xgboost.DMatrix(X, LENGTH), 4)
    whole = bytes(model.save_raw(raw_format=name.rpartition(".")[2]))
    cut = [whole[: len(whole) * part // 10] for part in range(1, 10)]
    for data in cut if isinstance(content, str) else [content]:
        (folder / name).write_bytes(data)
        with pytest.raises(
            ArtifactError, match=rf"{name}.*Expected a model that XGBoost"
        ) as caught:
            scored(folder, SOME)
        assert "Stack trace" not in str(caught.value)
