"""Which file of a folder is the model, and which framework it belongs to."""

from __future__ import annotations

import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from drum_core.backends.artifacts import READERS
from drum_core.backends.artifacts.choice import find_framework
from drum_core.errors import ArtifactError, MissingExtraError, ModelFolderError
from tests.frameworks.iris import predictor, scored
from tests.model_folders import MULTICLASS, binary_model, iris_model, linear_model, make_folder

ROWS = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 0.0]})


def test_most_derived_class_decides() -> None:
    """An estimator of XGBoost is one of scikit-learn too, and belongs to XGBoost."""
    xgboost = pytest.importorskip("xgboost")
    for model, name in ((xgboost.XGBRegressor(), "xgboost"), (linear_model(), "scikit-learn")):
        framework = find_framework(model)
        assert framework is not None
        assert framework.name == name
    assert find_framework("a text") is None


def test_two_frameworks_are_named(tmp_path: Path) -> None:
    """A class of two frameworks, neither of which derives from the other, is an error."""
    torch = pytest.importorskip("torch")
    both = type("Both", (torch.nn.Module, BaseEstimator), {})
    with pytest.raises(ArtifactError, match=r"Both.*several frameworks, 'scikit-learn', 'torch'"):
        find_framework(both())


def test_names_do_not_count(tmp_path: Path) -> None:
    """A class that is called as a framework's, in a module that is too, is not of it."""
    impostor = type("XGBRegressor", (), {"__module__": "xgboost.sklearn", "predict": len})
    assert find_framework(impostor()) is None


def test_pipeline_that_ends_in_a_module(tmp_path: Path) -> None:
    """Where scikit-learn itself cannot run the last step, the other steps prepare its rows."""
    torch = pytest.importorskip("torch")
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [3.0, 1.0, 0.0]})
    scaler = StandardScaler().fit(frame)
    module = torch.nn.Sequential(torch.nn.Linear(2, 1))
    folder = make_folder(tmp_path / "m", artifact=make_pipeline(scaler, module))
    with torch.no_grad():
        expected = module(torch.tensor(scaler.transform(ROWS), dtype=torch.float32)).numpy()
    assert np.array_equal(scored(folder, ROWS[["b", "a"]]), expected)
    assert predictor(folder) == "torch"


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("model.ubj", "xgboost", "xgboost"),
        ("model.txt", "lightgbm", "lightgbm"),
        ("model.cbm", "catboost", "catboost"),
        ("model.pt", "torch", "torch"),
        ("model.keras", "keras", "keras"),
        ("model.onnx", "onnxruntime", "onnx"),
        ("model.pmml", "sklearn_pmml_model", "pmml"),
        ("MLmodel", "mlflow", "mlflow"),
        ("model.pkl", "xgboost", "xgboost"),
    ],
)
def test_missing_framework(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str, extra: str
) -> None:
    """An artifact whose framework is not installed says which extra to install."""
    content = {"model.txt": b"tree\nversion=v4\n", "model.pkl": b"cxgboost.sklearn\nX\n."}
    folder = make_folder(tmp_path / "m")
    (folder / name).write_bytes(content.get(name, b"{}"))
    for loaded in list(sys.modules):
        if loaded.partition(".")[0] == package:
            monkeypatch.delitem(sys.modules, loaded)
    reader = READERS.get(name) or READERS[Path(name).suffix]
    monkeypatch.delitem(sys.modules, reader.partition(":")[0], raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"'{package}', which.*runtime\[{extra}\]"):
        scored(folder, ROWS)


def test_two_artifacts_are_an_error(tmp_path: Path) -> None:
    """Without a custom.py nobody could use the second artifact, whatever its extension."""
    folder = make_folder(tmp_path / "m", artifact=linear_model())
    for name in ("model.pt", "model.keras", "model.ubj", "model.cbm", "model.pmml"):
        (folder / name).write_bytes(b"")
        with pytest.raises(ArtifactError, match=rf"Multiple serialized.*'{name}'"):
            scored(folder, ROWS)
        (folder / name).unlink()


def test_files_for_hooks_are_not_the_model(tmp_path: Path) -> None:
    """Beside a custom.py, the one file that DRUM would load is the model."""
    custom = """
        import joblib

        def init(code_dir):
            global factor
            factor = joblib.load(f"{code_dir}/factor.joblib")

        def post_process(predictions, model):
            return predictions * factor
    """
    folder = make_folder(tmp_path / "m", artifact=linear_model(), custom=custom)
    joblib.dump(10, folder / "factor.joblib")
    (folder / "weights.pt").write_bytes(b"")
    (folder / "MLmodel").write_bytes(b"")
    assert scored(folder, ROWS)["Predictions"].tolist() == pytest.approx([40, 60])


def test_files_of_other_kinds_are_no_artifacts(tmp_path: Path) -> None:
    """A .json or a .txt file is an artifact only if it starts like a model."""
    folder = make_folder(tmp_path / "m", artifact=iris_model(), metadata=MULTICLASS)
    (folder / "config.json").write_text('{"learner_rate": 1}')
    (folder / "requirements.txt").write_text("scikit-learn\n")
    assert predictor(folder) == "scikit-learn"
    (folder / "model.pkl").unlink()
    with pytest.raises(ModelFolderError, match=r"found: config\.json, model-metadata\.yaml"):
        predictor(folder)


def test_language_by_new_extensions(tmp_path: Path) -> None:
    """A folder with another language's artifact keeps that language."""
    folder = make_folder(tmp_path / "m", artifact=binary_model())
    (folder / "model.pkl").rename(folder / "model.rds")
    (folder / "export.pmml").write_text("")
    with pytest.raises(Exception, match="language 'r'"):
        predictor(folder)
