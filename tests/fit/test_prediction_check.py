"""The trial of a fitted model, on real servers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pandas as pd
import pytest
import scipy.io
import scipy.sparse

from drum_core.cli.views.fit import status_of_fit
from drum_core.errors import PredictionError, SchemaError
from tests.fit.folders import fit, rows_file, task_folder

CONSTANT = """\
    import pandas as pd

    def fit(X, y, output_dir, **kwargs):
        with open(output_dir + "/model.txt", "w") as file:
            file.write("2")

    def load_model(code_dir):
        with open(code_dir + "/model.txt") as file:
            return float(file.read())

    def score(data, model, **kwargs):
        return pd.DataFrame({"Predictions": data.sum(axis=1) * model})
    """
"""Predicts twice the sum of a row."""

LABELS = CONSTANT.replace(
    'return pd.DataFrame({"Predictions": data.sum(axis=1) * model})',
    "return pd.DataFrame({label: [0.5] * len(data) for label in "
    'kwargs.get("class_labels", ["no", "yes"])})',
)
"""Says 0.5 for each label that it is told of."""

TRANSFORMER = """\
    import pandas as pd

    def fit(X, y, output_dir, **kwargs):
        with open(output_dir + "/model.txt", "w") as file:
            file.write("2")

    def load_model(code_dir):
        return 2

    def transform(data, model, target):
        assert target is not None
        return pd.DataFrame({"twice": data["a"] * model, "y": target.iloc[:, 0]})
    """


def test_few_rows_and_server_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six rows are predicted twice by a server that variables for another one do not disturb."""
    monkeypatch.setenv("URL_PREFIX", "/elsewhere")
    monkeypatch.setenv("ADDRESS", "0.0.0.0:1")
    result = fit(task_folder(tmp_path, CONSTANT), skip_predict=False, enable_fit_metadata=True)
    assert result.check is not None
    assert (result.check.rows, result.check.compared, result.check.passed) == (6, 6, True)
    measured = json.loads((tmp_path / "out" / "fit_runtime_data.json").read_text())
    assert set(measured) == {
        "fit_memory_usage",
        "prediction_memory_usage",
        "input_dataframe_size",
    }
    assert measured["prediction_memory_usage"] > 10
    assert result.files[-1].path.name == "fit_runtime_data.json"


def test_multilabel_and_nameless_sparse_input(tmp_path: Path) -> None:
    """Labels that were found reach the server, and a matrix without names is sent as one."""
    scipy.io.mmwrite(tmp_path / "x.mtx", scipy.sparse.random(30, 4, 0.5, random_state=1))
    target = "red,blue\n" + "1,0\n0,1\n" * 15
    result = fit(
        task_folder(tmp_path, LABELS, "multilabel"),
        input=tmp_path / "x.mtx",
        target_csv=rows_file(tmp_path, target, "y.csv"),
        skip_predict=False,
    )
    assert result.check is not None
    assert (result.check.rows, result.check.compared, result.check.differing) == (30, 10, 0)


def test_typed_input_stays_typed(tmp_path: Path) -> None:
    """Dates of a Parquet file are dates on the server too."""
    code = CONSTANT.replace("data.sum(axis=1)", "data['when'].dt.year")
    frame = pd.DataFrame({"when": pd.date_range("2020-01-01", periods=5, freq="YS"), "y": range(5)})
    frame.to_parquet(tmp_path / "rows.parquet")
    folder = task_folder(tmp_path, code)
    assert fit(folder, input=tmp_path / "rows.parquet", target="y", skip_predict=False).passed


def test_model_that_is_another_after_reload(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A model that is made anew at each load is found out; the fitted folder stays."""
    code = CONSTANT.replace("return float(file.read())", "import random; return random.random()")
    result = fit(task_folder(tmp_path, code), skip_predict=False)
    assert result.check is not None
    assert not result.passed
    assert result.check.differing == 6
    assert len(result.check.differences) == 5
    assert result.check.differences[0].row == 0
    assert (tmp_path / "out" / "model.txt").is_file()
    assert "Your predictions were different when we tried to predict twice." in caplog.text
    assert status_of_fit(result) == 1
    assert status_of_fit(dataclasses.replace(result, differences_allowed=True)) == 0


def test_model_that_cannot_be_loaded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An error while loading is told with the server's last words, and nothing is lost."""
    code = CONSTANT.replace("return float(file.read())", "raise ValueError('cannot be read back')")
    with pytest.raises(PredictionError, match="cannot be served") as raised:
        fit(task_folder(tmp_path, code), skip_predict=False)
    assert "cannot be read back" in str(raised.value)
    assert (tmp_path / "out" / "model.txt").is_file()
    assert "the fitted model stays in" in caplog.text


def test_model_that_cannot_predict(tmp_path: Path) -> None:
    """An error while predicting is told with the hook's line."""
    code = CONSTANT.replace("data.sum(axis=1)", "data['absent']")
    with pytest.raises(PredictionError, match=r"/predict/ has the status 500: .*KeyError"):
        fit(task_folder(tmp_path, code), skip_predict=False)


def test_transform_gets_its_target(tmp_path: Path) -> None:
    """A transform is posted to /transform/, with the target it was fitted to."""
    folder = task_folder(tmp_path, TRANSFORMER, "transform")
    result = fit(folder, skip_predict=False)
    assert result.check is not None
    assert (result.check.compared, result.check.passed) == (6, True)


def test_transform_that_breaks_its_schema(tmp_path: Path) -> None:
    """Without a typeSchema a transform gives numbers; texts are an error, unless not strict."""
    code = TRANSFORMER.replace('data["a"] * model', 'data["a"].astype(str) + "x"')
    code = code.replace("target.iloc[:, 0]})", "target.iloc[:, 0] + 0.5})")
    folder = task_folder(tmp_path, code, "transform")
    with pytest.raises(SchemaError, match="schema validation failed for output"):
        fit(folder, skip_predict=False)
    relaxed = fit(
        folder, skip_predict=False, disable_strict_validation=True, output=tmp_path / "relaxed"
    )
    assert relaxed.passed


def test_schema_of_the_folder_is_checked_by_the_server(tmp_path: Path) -> None:
    """The server's own check stops the fit; without strictness the model is kept unchecked."""
    more = (
        "typeSchema:\n  output_requirements:\n  - field: number_of_columns\n"
        "    condition: EQUALS\n    value: 7\n"
    )
    folder = task_folder(tmp_path, TRANSFORMER, "transform", more)
    with pytest.raises(SchemaError, match="Expected exactly 7, got 2"):
        fit(folder, skip_predict=False)
    relaxed = fit(
        folder, skip_predict=False, disable_strict_validation=True, output=tmp_path / "relaxed"
    )
    assert relaxed.check is not None
    assert (relaxed.check.compared, relaxed.passed) == (0, True)
