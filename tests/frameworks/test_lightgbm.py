"""LightGBM models: pickled estimators and Boosters, and the text files of save_model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from drum_core.errors import ArtifactError, InputError
from tests.frameworks.iris import IS_FIRST, LENGTH, NAME, NUMBER, SOME, X, predictor, scored
from tests.model_folders import BINARY, MULTICLASS, make_folder

lightgbm = pytest.importorskip("lightgbm")

SMALL = {"n_estimators": 5, "num_leaves": 4, "min_child_samples": 2, "n_jobs": 1, "verbose": -1}
PLAIN = {"num_leaves": 4, "min_data_in_leaf": 2, "num_threads": 1, "verbose": -1}


def test_regressor(tmp_path: Path) -> None:
    """A pickled LGBMRegressor predicts as it does when it is called directly."""
    model = lightgbm.LGBMRegressor(**SMALL).fit(X, LENGTH)
    folder = make_folder(tmp_path / "m", artifact=model)
    assert scored(folder, SOME)["Predictions"].tolist() == model.predict(SOME).tolist()
    assert predictor(folder) == "lightgbm"


def test_classifier_reports_its_labels(tmp_path: Path) -> None:
    """A pickled LGBMClassifier gives the probabilities of its classes by name."""
    model = lightgbm.LGBMClassifier(**SMALL).fit(X, NAME)
    reverse = MULTICLASS.replace("setosa", "-").replace("virginica", "setosa")
    folder = make_folder(
        tmp_path / "m", metadata=reverse.replace("    - -", "    - virginica"), artifact=model
    )
    frame = scored(folder, SOME)
    assert list(frame.columns) == ["setosa", "versicolor", "virginica"]
    assert np.array_equal(frame.to_numpy(), model.predict_proba(SOME))


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_pipeline_that_ends_in_an_estimator(tmp_path: Path) -> None:
    """A scikit-learn pipeline belongs to the framework of its last step."""
    model = make_pipeline(StandardScaler(), lightgbm.LGBMClassifier(**SMALL)).fit(X, IS_FIRST)
    folder = make_folder(tmp_path / "m", metadata=BINARY, artifact=model)
    assert np.array_equal(scored(folder, SOME).to_numpy(), model.predict_proba(SOME))
    assert predictor(folder) == "lightgbm"


@pytest.mark.parametrize("name", ["model.pkl", "model.txt"])
def test_booster(tmp_path: Path, name: str) -> None:
    """A Booster gives what it predicts: of two classes the positive one, of more each."""
    two = lightgbm.train({"objective": "binary", **PLAIN}, lightgbm.Dataset(X, IS_FIRST), 4)
    three = {"objective": "multiclass", "num_class": 3, **PLAIN}
    more = lightgbm.train(three, lightgbm.Dataset(X, NUMBER), 4)
    for model, metadata in ((two, BINARY), (more, MULTICLASS)):
        path = tmp_path / str(model.num_model_per_iteration()) / "m"
        folder = make_folder(path, metadata=metadata, artifact=model if "pkl" in name else None)
        if name == "model.txt":
            model.save_model(folder / name)
            (folder / "requirements.txt").write_text("lightgbm\n")
        frame = scored(folder, SOME)
        expected = model.predict(SOME)
        found = frame["yes"] if metadata is BINARY else frame
        assert np.array_equal(found.to_numpy(), expected)
        assert predictor(folder) == "lightgbm"


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    """Names are compared as LightGBM writes them, without spaces."""
    model = lightgbm.LGBMRegressor(**SMALL).fit(X, LENGTH)
    folder = make_folder(tmp_path / "m")
    model.booster_.save_model(folder / "model.txt")
    mixed = SOME.iloc[:, ::-1].assign(other="text")
    assert scored(folder, mixed)["Predictions"].tolist() == model.predict(SOME).tolist()
    with pytest.raises(InputError, match=r"lacks 'petal_width_\(cm\)'"):
        scored(folder, SOME.iloc[:, :3])


def test_model_without_names_takes_columns_as_they_come(tmp_path: Path) -> None:
    """A model that was trained on a matrix takes the columns by position."""
    model = lightgbm.train(PLAIN, lightgbm.Dataset(X.to_numpy(), LENGTH), 4)
    folder = make_folder(tmp_path / "m", artifact=model)
    assert scored(folder, SOME)["Predictions"].tolist() == model.predict(SOME).tolist()


@pytest.mark.parametrize("native", [False, True])
def test_categories(tmp_path: Path, native: bool) -> None:
    """Texts of a CSV are the categories that the model was trained on, whichever come."""
    data = pd.DataFrame({"colour": ["red", "blue", "green"] * 10, "size": range(30)})
    model = lightgbm.LGBMClassifier(**SMALL)
    model.fit(data.astype({"colour": "category"}), data["colour"] == "red")
    folder = make_folder(tmp_path / "m", metadata=BINARY, artifact=None if native else model)
    if native:
        model.booster_.save_model(folder / "model.txt")
    frame = scored(folder, pd.DataFrame({"colour": ["red", "green"], "size": [3, 4]}))
    assert frame["yes"][0] > 0.5 > frame["yes"][1]


@pytest.mark.parametrize("damage", ["cut in a tree", "cut in the header", "other line ends"])
def test_broken_file(tmp_path: Path, damage: str) -> None:
    """A text that is not as LightGBM wrote it is an error, not the end of the process."""
    model = lightgbm.train(PLAIN, lightgbm.Dataset(X, LENGTH), 4)
    folder = make_folder(tmp_path / "m")
    text = model.model_to_string().encode()
    whole = text.index(b"Tree=1")
    content = {
        "cut in a tree": text[: whole + 60],
        "cut in the header": text[:40],
        "other line ends": text.replace(b"\n", b"\r\n"),
    }[damage]
    (folder / "model.txt").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"model\.txt.*Expected a model that LightGBM's"):
        scored(folder, SOME)
