"""The served model, on the host that has no framework: its routes, and what they answer."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from drum_core import CMRunner, DrumRuntime, LocalWorker, ScoreOptions, ServerOptions, __version__
from drum_core.testing import Call, DictHost, fetch
from tests.core.served import CSV, GET_PATHS, await_state, form, get, post, serving
from tests.model_folders import (
    BINARY,
    DOUBLE,
    MULTICLASS,
    binary_model,
    iris_model,
    iris_rows,
    linear_model,
    make_folder,
)

PREDICT_PATHS = ["/predict", "/predictions", "/invocations"]


@pytest.mark.parametrize("path", ["/", *GET_PATHS])
@pytest.mark.parametrize("slash", ["", "/"])
def test_get_routes_answer_with_and_without_slash(double: DictHost, path: str, slash: str) -> None:
    """Each GET route answers 200 in both forms, to HEAD with the same headers and no body."""
    target = path if path == "/" else path + slash
    answer = get(double, target)
    head = fetch(double, Call("HEAD", target))
    assert answer.status == head.status == 200
    assert answer.headers["Content-Type"] == head.headers["Content-Type"] == "application/json"
    if path != "/stats":  # whose numbers differ in length from one call to the next
        assert int(head.headers["Content-Length"]) == len(answer.body)
    assert head.body == b""


@pytest.mark.parametrize("path", PREDICT_PATHS)
@pytest.mark.parametrize("slash", ["", "/"])
def test_predict_aliases(double: DictHost, path: str, slash: str) -> None:
    """Every alias predicts, with and without a slash; OPTIONS tells the methods."""
    target = path + slash
    assert post(double, "x\n1\n2.5\n", *CSV, target=target).body == b'{"predictions":[2.0,5.0]}'
    options = fetch(double, Call("OPTIONS", target))
    assert (options.status, options.headers["Allow"]) == (200, "OPTIONS, POST")


@pytest.mark.parametrize("header", [None, "", "text/csv", "text/plain", "TEXT/CSV; charset=utf-8"])
def test_raw_body_is_csv(double: DictHost, header: str | None) -> None:
    """A raw body without a type, or called CSV or plain text in any case, is CSV."""
    headers = [] if header is None else [("Content-Type", header)]
    assert post(double, "x\n4\n", *headers).json() == {"predictions": [8.0]}


def test_form_file_is_csv_whatever_it_is_called(double: DictHost) -> None:
    """The first file X of a form is read as CSV; its own content type and name say nothing."""
    body, header = form(
        ('name="y"; filename="y.csv"', b"x\n9\n"),
        ('name="X"; filename="rows.bin"\r\nContent-Type: image/png', b"x\n1\n"),
        ('name="X"; filename="more.csv"', b"x\n2\n"),
    )
    assert post(double, body, header).json() == {"predictions": [2.0]}


def test_standard_headers(double: DictHost) -> None:
    """Every answer has the version and the request id, the client's if it is fit for a log."""
    answer = get(double, "/ping/", ("X-Request-ID", "abc-1"))
    assert answer.headers["X-Drum-Version"] == __version__
    assert answer.headers["X-Request-ID"] == answer.headers["X_Request_ID"] == "abc-1"
    forged = get(double, "/ping/", ("X-Request-ID", "a b\tc"))
    assert len(forged.headers["X-Request-ID"]) == 36


def test_probability_objects(tmp_path: Path) -> None:
    """A prediction of a model with classes is an object from label to probability, in full."""
    with serving(make_folder(tmp_path / "m", metadata=BINARY, artifact=binary_model())) as host:
        rows = post(host, "x\n3\n", *CSV).json()["predictions"]
        assert isinstance(rows, list)
        assert list(rows[0]) == ["no", "yes"]
        assert rows[0]["no"] + rows[0]["yes"] == 1.0


def test_extra_model_output(tmp_path: Path) -> None:
    """Extra columns come as extraModelOutput, split into columns, index and data."""
    custom = """
        import pandas as pd

        def load_model(code_dir):
            return 1

        def score(data, model, **kwargs):
            return pd.DataFrame({"why": ["a", None], "Predictions": data["x"], "n": [1, 2]})
    """
    with serving(make_folder(tmp_path / "m", custom=custom)) as host:
        assert post(host, "x\n1\n2\n", *CSV).json() == {
            "predictions": [1.0, 2.0],
            "extraModelOutput": {
                "columns": ["why", "n"],
                "index": [0, 1],
                "data": [["a", 1], [None, 2]],
            },
        }


def test_nan_and_infinity_are_null(double: DictHost) -> None:
    """JSON has no NaN and no infinity: both are null."""
    answer = post(double, "x,y\n1,\n,\ninf,\n", *CSV)
    assert answer.body == b'{"predictions":[2.0,null,null]}'


def test_info_tells_the_model(tmp_path: Path) -> None:
    """`/info/` has DRUM's keys; the metadata are as written, every scalar a text."""
    folder = make_folder(tmp_path / "m", metadata=MULTICLASS, artifact=iris_model())
    with serving(folder) as host:
        info = get(host, "/info/").json()
    labels = ["setosa", "versicolor", "virginica"]
    assert info == {
        "codeDir": str(folder),
        "targetType": "multiclass",
        "language": "python",
        "predictor": "scikit-learn",
        "drumVersion": __version__,
        "drumServer": "dict",
        "classLabels": labels,
        "modelMetadata": {
            "name": "iris",
            "type": "inference",
            "targetType": "multiclass",
            "inferenceModel": {"classLabels": labels},
        },
    }


def test_stats_are_collected_on_demand(tmp_path: Path) -> None:
    """Prediction times are null without show_perf; with it they grow and are not reset."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    with serving(folder) as host:
        assert "Server-Timing" not in post(host, "x\n1\n", *CSV).headers
        stats = get(host, "/stats/").json()
    nulls = dict.fromkeys(("avg", "max", "min", "total"))
    assert stats["time_info"] == {"run_predictor_total": nulls}
    assert isinstance(stats["mem_info"], dict)
    assert set(stats["mem_info"]) == {
        *("total", "avail", "free", "drum_rss"),
        *("container_limit", "container_max_used", "container_used"),
    }
    with serving(folder, show_perf=True) as host:
        timing = post(host, "x\n1\n", *CSV).headers["Server-Timing"]
        assert re.search(r", predict;dur=\d+\.\d{3}, ", timing)
        first = get(host, "/stats/").json()["time_info"]
        assert first == get(host, "/stats/").json()["time_info"] != {"run_predictor_total": nulls}


def test_url_prefix(tmp_path: Path) -> None:
    """Under a prefix every route moves there, and nothing is left outside."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    with serving(folder, url_prefix="/a/b/") as host:
        assert get(host, "/a/b").status == get(host, "/a/b/").status == 200
        assert post(host, "x\n1\n", *CSV, target="/a/b/predict/").status == 200
        assert get(host, "/ping/").status == 404


def test_two_models_in_one_app(tmp_path: Path) -> None:
    """Two runners mount two models under two prefixes of one application."""
    host = DictHost()
    folders = {
        "/one": make_folder(tmp_path / "1", custom=DOUBLE),
        "/two": make_folder(tmp_path / "2", artifact=linear_model()),
    }
    with LocalWorker() as worker:
        for prefix, folder in folders.items():
            with DrumRuntime(ServerOptions(code_dir=folder, url_prefix=prefix)) as runtime:
                CMRunner(runtime, app=host, worker_ctx=worker).run()
        for prefix in folders:
            await_state(host, prefix)
        rows = "x,a,b\n5,1,1\n"
        assert post(host, rows, target="/one/predict/").json() == {"predictions": [10.0]}
        predictions = post(host, rows, target="/two/predict/").json()["predictions"]
        assert predictions == pytest.approx([4.0])


def test_errors_are_logged_with_their_request(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An answer of 400 or more is one log line with method, path and status."""
    with serving(make_folder(tmp_path / "m", custom=DOUBLE)) as host:
        with caplog.at_level(logging.INFO, "drum_core.serving.dispatch"):
            post(host, b"")
        assert any("POST /predict/ answered 422" in record.message for record in caplog.records)


def test_server_and_score_agree_to_the_last_bit(tmp_path: Path) -> None:
    """What the server answers is what `drum score` writes, value by value."""
    folder = make_folder(tmp_path / "m", metadata=MULTICLASS, artifact=iris_model())
    data = tmp_path / "rows.csv"
    data.write_text(iris_rows(150))
    with DrumRuntime(ScoreOptions(code_dir=folder, input=data)) as runtime:
        frame = CMRunner(runtime).run().predictions
    with serving(folder) as host:
        served = post(host, data.read_bytes(), *CSV).json()["predictions"]
    assert served == frame.to_dict(orient="records")
