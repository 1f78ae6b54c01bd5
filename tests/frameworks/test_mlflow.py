"""Model folders of MLflow, by their flavour python_function."""

from __future__ import annotations

import importlib
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from drum_core.errors import ArtifactError, InputError
from tests.frameworks.iris import IS_FIRST, LENGTH, NAME, SOME, X, predictor, scored
from tests.model_folders import BINARY, MULTICLASS, REGRESSION, make_folder

if find_spec("mlflow") is None:
    pytest.skip("MLflow is not installed", allow_module_level=True)
with warnings.catch_warnings():  # MLflow warns about type hints of its own
    warnings.simplefilter("ignore")
    importlib.import_module("drum_core.backends.artifacts.mlflow")
    mlflow = importlib.import_module("mlflow")
    importlib.import_module("mlflow.sklearn")
    importlib.import_module("mlflow.models")

pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow, about this and that


def saved(path: Path, model: object, metadata: str, **options: object) -> Path:
    """A folder as MLflow saves it, with our metadata added."""
    options.setdefault("signature", mlflow.models.infer_signature(X))
    mlflow.sklearn.save_model(
        model,
        str(path),
        serialization_format="pickle",
        pip_requirements=["scikit-learn"],
        **options,
    )
    return make_folder(path, metadata=metadata)


def test_regression(tmp_path: Path) -> None:
    """The folder predicts as its python_function; model.pkl beside MLmodel is a part of it."""
    model = LinearRegression().fit(X, LENGTH)
    folder = saved(tmp_path / "m", model, REGRESSION)
    assert (folder / "model.pkl").is_file()
    assert np.allclose(scored(folder, SOME)["Predictions"], model.predict(SOME), rtol=1e-12)
    assert predictor(folder) == "mlflow"


def test_columns_are_those_of_the_signature(tmp_path: Path) -> None:
    """Columns are found by name, and whole numbers are taken for the doubles of the signature."""
    model = LinearRegression().fit(X, LENGTH)
    folder = saved(tmp_path / "m", model, REGRESSION)
    whole = SOME.round().astype(int)
    mixed = whole.iloc[:, ::-1].assign(other="text")
    assert np.allclose(scored(folder, mixed)["Predictions"], model.predict(whole), rtol=1e-12)
    with pytest.raises(InputError, match=r"lacks 'petal width \(cm\)'"):
        scored(folder, SOME.iloc[:, :3])


def test_small_numbers_of_the_signature(tmp_path: Path) -> None:
    """Numbers become the small ones of the signature, if none of them changes by it."""
    data = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5]}).astype({"a": "int32", "b": "f4"})
    model = LinearRegression().fit(data, data["a"])
    signature = mlflow.models.infer_signature(data)
    folder = saved(tmp_path / "m", model, REGRESSION, signature=signature)
    assert np.allclose(scored(folder, data)["Predictions"], [1, 2, 3])
    with pytest.raises(Exception, match="Incompatible input types for column a"):
        scored(folder, data.assign(a=2**40))


@pytest.mark.parametrize("function", ["predict", "predict_proba"])
def test_classes(tmp_path: Path, function: str) -> None:
    """A classifier gives its probabilities, whichever function its folder names."""
    model = LogisticRegression(max_iter=500).fit(X, NAME)
    folder = saved(tmp_path / "m", model, MULTICLASS, pyfunc_predict_fn=function)
    assert np.allclose(scored(folder, SOME), model.predict_proba(SOME), rtol=1e-12)
    assert predictor(folder) == "mlflow"
    model = LogisticRegression().fit(X, IS_FIRST)
    folder = saved(tmp_path / "n", model, BINARY, pyfunc_predict_fn=function)
    assert np.allclose(scored(folder, SOME)[["no", "yes"]], model.predict_proba(SOME), rtol=1e-12)


def test_python_model(tmp_path: Path) -> None:
    """A model of one's own may name its columns by the labels, in any order."""
    code = """
import mlflow
import pandas as pd

class Sign(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        yes = (model_input.iloc[:, 0] > 0) * 0.5 + 0.25
        return pd.DataFrame({"yes": yes, "no": 1 - yes})

mlflow.models.set_model(Sign())
"""
    (tmp_path / "sign.py").write_text(code)
    path = tmp_path / "m"
    mlflow.pyfunc.save_model(
        str(path), python_model=str(tmp_path / "sign.py"), pip_requirements=["pandas"]
    )
    folder = make_folder(path, metadata=BINARY)
    frame = scored(folder, pd.DataFrame({"x": [-1, 1]}))
    assert frame[["no", "yes"]].to_numpy().tolist() == [[0.75, 0.25], [0.25, 0.75]]


@pytest.mark.parametrize("content", ["", "something else", "flavors:\n  sklearn: {}\n", "cut"])
def test_broken_folder(tmp_path: Path, content: str) -> None:
    """An MLmodel file that is none, or has no python_function, says what was expected."""
    folder = saved(tmp_path / "m", LinearRegression().fit(X, LENGTH), REGRESSION)
    path = folder / "MLmodel"
    path.write_text(path.read_text()[:60] if content == "cut" else content)
    with pytest.raises(ArtifactError, match=r"MLmodel.*Expected the MLmodel file of a folder"):
        scored(folder, SOME)


def test_missing_file_of_the_folder(tmp_path: Path) -> None:
    """A folder without the file that MLmodel names is an error that names it."""
    folder = saved(tmp_path / "m", LinearRegression().fit(X, LENGTH), REGRESSION)
    (folder / "model.pkl").unlink()
    with pytest.raises(ArtifactError, match=r"model\.pkl"):
        scored(folder, SOME)


def test_telemetry_is_off() -> None:
    """MLflow is not to report to its makers that a model is run."""
    telemetry = sys.modules["mlflow.telemetry.client"]
    assert telemetry.get_telemetry_client() is None
