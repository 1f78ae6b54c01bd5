"""The response format of a deployment configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from drum_core.cli import main
from drum_core.data.predictions import PREDICTIONS, Predictions
from drum_core.errors import PredictionError
from drum_core.model.target import (
    AnomalyTarget,
    BinaryTarget,
    MulticlassTarget,
    MultilabelTarget,
    RegressionTarget,
    Target,
    TextTarget,
)
from drum_core.options import TargetType
from drum_core.serving.deployment_config import DeploymentConfigError, read_deployment_config
from drum_core.serving.deployment_json import deployment_json
from drum_core.serving.prediction_json import prediction_json
from tests.core.served import CSV, get, post, serving
from tests.model_folders import BINARY, DOUBLE, binary_model, make_folder

ABC = ("a", "b", "c")
MAPPING = [["c", 2], ["a", 0], ["b", 1]]


def written(folder: Path, content: object) -> Path:
    """A configuration file."""
    path = folder / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def answer(
    folder: Path, target: Target, section: Mapping[str, object], predictions: Predictions
) -> list[dict[str, object]]:
    """The records for some predictions."""
    config = read_deployment_config(written(folder, {"target": section}), target)
    records: list[dict[str, object]] = json.loads(deployment_json(predictions, config))["data"]
    return records


def column(*values: object, dtype: type = float) -> Predictions:
    """Predictions of a target with one column."""
    return Predictions(values=np.array(values, dtype=dtype).reshape(-1, 1), columns=(PREDICTIONS,))


def classes(columns: tuple[str, ...], *rows: list[float]) -> Predictions:
    """Predictions of a target with classes."""
    return Predictions(values=np.array(rows).reshape(-1, len(columns)), columns=columns)


def test_one_number_a_row(tmp_path: Path) -> None:
    """A number is both prediction and value, in full; what is not a number is null."""
    records = answer(tmp_path, RegressionTarget(), {"name": "y"}, column(1 / 3, float("nan"), 2))
    assert records == [
        {"prediction": value, "predictionValues": [{"label": "y", "value": value}], "rowId": row}
        for row, value in enumerate([1 / 3, None, 2.0])
    ]


def test_anomalies_have_a_label_of_their_own(tmp_path: Path) -> None:
    """The label of an anomaly score is fixed."""
    records = answer(tmp_path, AnomalyTarget(), {"name": "y", "class_mapping": None}, column(0.5))
    assert records[0]["predictionValues"] == [{"label": "Anomaly Score", "value": 0.5}]


def test_texts(tmp_path: Path) -> None:
    """A text is given as it is, whatever is in it; a missing one is null."""
    target = TextTarget(TargetType.TEXT_GENERATION, "answer")
    records = answer(tmp_path, target, {"name": "answer"}, column('a,"b"\n', pd.NA, dtype=object))
    assert [record["prediction"] for record in records] == ['a,"b"\n', None]
    assert records[0]["predictionValues"] == [{"label": "answer", "value": 'a,"b"\n'}]


@pytest.mark.parametrize("labels", [("yes", "no"), ("no", "yes")])
def test_binary(tmp_path: Path, labels: tuple[str, str]) -> None:
    """The class mapped to 1 is the positive one, and is predicted above the threshold only."""
    section = {
        "name": "y",
        "class_mapping": [[labels[1], 0], [labels[0], 1]],
        "prediction_threshold": 0.25,
    }
    target = BinaryTarget(positive="yes", negative="no")
    predictions = classes((labels[1], labels[0]), [0.75, 0.25], [0.5, 0.5])
    assert answer(tmp_path, target, section, predictions) == [
        {
            "prediction": prediction,
            "predictionValues": [
                {"label": labels[0], "value": positive},
                {"label": labels[1], "value": 1 - positive},
            ],
            "predictionThreshold": 0.25,
            "rowId": row,
        }
        for row, (prediction, positive) in enumerate([(labels[1], 0.25), (labels[0], 0.5)])
    ]


def test_multiclass(tmp_path: Path) -> None:
    """Values are in the order of the mapping; the first of the greatest is the prediction."""
    predictions = classes(("b", "c", "a"), [0.4, 0.2, 0.4], [0.1, 0.8, 0.1])
    records = answer(
        tmp_path, MulticlassTarget(ABC), {"name": "y", "class_mapping": MAPPING}, predictions
    )
    assert [record["prediction"] for record in records] == ["a", "c"]
    assert records[0] == {
        "prediction": "a",
        "predictionValues": [
            {"label": "a", "value": 0.4},
            {"label": "b", "value": 0.4},
            {"label": "c", "value": 0.2},
        ],
        "rowId": 0,
    }


@pytest.mark.parametrize("count", [11, 100])
def test_multilabel(tmp_path: Path, count: int) -> None:
    """The prediction is the list of labels above the threshold, of as many as there are."""
    names = tuple(f"l{number:02}" for number in range(count))
    row = [0.1] * count
    row[2] = row[10] = 0.9
    section = {"name": "y", "prediction_threshold": 0.5}
    records = answer(
        tmp_path, MultilabelTarget(names), section, classes(names, row, [0.5] * count, row)
    )
    assert [record["prediction"] for record in records] == [["l02", "l10"], [], ["l02", "l10"]]
    assert records[1]["predictionThreshold"] == 0.5
    values = records[0]["predictionValues"]
    assert isinstance(values, list)
    assert len(values) == count


def test_labels_are_written_as_configured(tmp_path: Path) -> None:
    """Labels that are spelled otherwise, as numbers or words, are matched and then kept."""
    target = BinaryTarget(positive="1", negative="0")
    section = {"name": "y", "class_mapping": [[1.0, 1], ["False", 0]]}
    records = answer(tmp_path, target, section, classes(("0", "1"), [0.2, 0.8]))
    assert records[0]["prediction"] == 1.0
    assert records[0]["predictionThreshold"] == 0.5


def test_without_a_mapping_the_labels_are_the_models(tmp_path: Path) -> None:
    """Where DRUM fails on each request, the labels of the model are used, positive first."""
    target = BinaryTarget(positive="yes", negative="no")
    records = answer(tmp_path, target, {"name": "y"}, classes(("no", "yes"), [0.25, 0.75]))
    assert records[0]["predictionValues"] == [
        {"label": "yes", "value": 0.75},
        {"label": "no", "value": 0.25},
    ]


def test_extra_columns(tmp_path: Path) -> None:
    """Extra columns are an object in each record."""
    extra = pd.DataFrame({"why": ["x", None], "n": [1, 2]}, index=[7, 7])
    predictions = Predictions(values=np.array([[1.0], [2.0]]), columns=(PREDICTIONS,), extra=extra)
    records = answer(tmp_path, RegressionTarget(), {"name": "y"}, predictions)
    assert [record["extraModelOutput"] for record in records] == [
        {"why": "x", "n": 1},
        {"why": None, "n": 2},
    ]


def test_extra_columns_are_those_of_plain_answers(tmp_path: Path) -> None:
    """Dates, lengths of time and large numbers are written as in a plain answer."""
    days = pd.to_datetime(pd.Series(["2020-01-01", None]))
    extra = pd.DataFrame(
        {"day": days, "took": days - days[0], "n": [2**60 + 1, 1], "at": [days[0].date(), pd.NaT]}
    )
    predictions = Predictions(values=np.array([[1.0], [2.0]]), columns=(PREDICTIONS,), extra=extra)
    records = answer(tmp_path, RegressionTarget(), {"name": "y"}, predictions)
    plain = json.loads(prediction_json(predictions))["extraModelOutput"]
    assert [record["extraModelOutput"] for record in records] == [
        dict(zip(plain["columns"], row, strict=True)) for row in plain["data"]
    ]
    assert plain["data"][0] == ["2020-01-01T00:00:00", "P0DT0H0M0S", 2**60 + 1, "2020-01-01"]


def test_extra_columns_of_one_name(tmp_path: Path) -> None:
    """Two extra columns of one name are an error: a record would only show one of them."""
    extra = pd.DataFrame([["x", "y"]], columns=["why", "why"])
    predictions = Predictions(values=np.array([[1.0]]), columns=(PREDICTIONS,), extra=extra)
    with pytest.raises(PredictionError, match="need different names, got 'why', 'why'"):
        answer(tmp_path, RegressionTarget(), {"name": "y"}, predictions)


def test_no_rows(tmp_path: Path) -> None:
    """No predictions are an empty list."""
    assert answer(tmp_path, RegressionTarget(), {"name": "y"}, column()) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "Failed to parse deployment config json file"),
        ("[]", "'target' section not found in deployment config json file"),
        ({"model": 1}, "'target' section not found in deployment config json file"),
        ({"target": 1}, "expected an object"),
        ({"target": {"name": ["y"]}}, "'target.name'"),
        ({"target": {"prediction_threshold": "high"}}, "'target.prediction_threshold'"),
        ({"target": {"class_mapping": {"yes": 1}}}, "expected a list of pairs"),
        ({"target": {"class_mapping": [["yes", 1], ["maybe", 0]]}}, "they must be the same"),
        ({"target": {"class_mapping": [["yes", 1], ["no", 2]]}}, "the classes 0 and 1"),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, content: object, said: str) -> None:
    """A configuration that cannot be used is an error at start-up, which names the file."""
    path = written(tmp_path, content)
    with pytest.raises(DeploymentConfigError) as caught:
        read_deployment_config(path, BinaryTarget(positive="yes", negative="no"))
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_server_that_cannot_use_it_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`drum server` with a broken configuration ends with 1 before it listens."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    words = ["server", "-cd", str(folder), "--address", "127.0.0.1:0"]
    assert main([*words, "--deployment-config", str(written(tmp_path, "{"))]) == 1
    assert "Failed to parse deployment config json file" in capsys.readouterr().err


def test_served(tmp_path: Path) -> None:
    """A server that is given a configuration answers in its format; the error server tells."""
    folder = make_folder(tmp_path / "m", metadata=BINARY, artifact=binary_model())
    config = written(tmp_path, {"target": {"name": "y", "class_mapping": [["no", 0], ["yes", 1]]}})
    with serving(folder, deployment_config=config) as host:
        response = post(host, "x\n3\n-3\n", *CSV)
        assert response.headers["Content-Type"] == "application/json"
        data = response.json()["data"]
        assert isinstance(data, list)
        assert [record["prediction"] for record in data] == ["yes", "no"]
    broken = written(tmp_path, "{}")
    with serving(folder, deployment_config=broken, with_error_server=True) as host:
        answered = get(host, "/ping/")
        assert answered.status == 513
        assert b"'target' section not found" in answered.body
