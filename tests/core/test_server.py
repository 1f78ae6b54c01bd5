"""The served model, on the host that has no framework: routes, answers, states, errors."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drum_core import CMRunner, DrumRuntime, LocalWorker, ServerOptions, Worker, __version__
from drum_core.errors import DrumError, ExtensionError
from drum_core.testing import Answer, Call, DictHost, fetch
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

CSV = [("Content-Type", "text/csv")]
GET_PATHS = [
    "/ping",
    "/health",
    "/livez",
    "/readyz",
    "/startupz",
    "/info",
    "/capabilities",
    "/stats",
]
PREDICT_PATHS = ["/predict", "/predictions", "/invocations"]


@contextmanager
def serving(folder: Path, *, wait: bool = True, **options: object) -> Iterator[DictHost]:
    """The model in `folder` on a dict host, ready unless told not to wait."""
    host = DictHost()
    made = ServerOptions(code_dir=folder, **options)  # type: ignore[arg-type]  # test data
    with LocalWorker() as worker, DrumRuntime(made) as runtime:
        CMRunner(runtime, app=host, worker_ctx=worker).run()
        if wait:
            await_state(host, made.url_prefix)
        yield host


def await_state(host: DictHost, prefix: str = "", status: tuple[int, ...] = (200, 513)) -> None:
    """Waits until `/health/` has one of the statuses."""
    for _ in range(500):
        if get(host, prefix + "/health/").status in status:
            return
        time.sleep(0.01)
    raise AssertionError("the model did not settle")


def get(host: DictHost, target: str, *headers: tuple[str, str]) -> Answer:
    """GETs `target`."""
    return fetch(host, Call("GET", target, headers))


def post(
    host: DictHost, body: bytes | str, *headers: tuple[str, str], target: str = "/predict/"
) -> Answer:
    """POSTs `body`."""
    return fetch(
        host, Call("POST", target, headers, body.encode() if isinstance(body, str) else body)
    )


def form(*parts: tuple[str, bytes], boundary: str = "B") -> tuple[bytes, tuple[str, str]]:
    """A multipart body of (disposition, data) and its header."""
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {said}\r\n\r\n".encode() + data + b"\r\n"
        for said, data in parts
    )
    body += f"--{boundary}--\r\n".encode()
    return body, ("Content-Type", f"multipart/form-data; boundary={boundary}")


@pytest.fixture
def double(tmp_path: Path) -> Iterator[DictHost]:
    """A model that predicts twice the column x."""
    with serving(make_folder(tmp_path / "m", custom=DOUBLE)) as host:
        yield host


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
        post(host, "x\n1\n", *CSV)
        stats = get(host, "/stats/").json()
    nulls = dict.fromkeys(("avg", "max", "min", "total"))
    assert stats["time_info"] == {"run_predictor_total": nulls}
    assert isinstance(stats["mem_info"], dict)
    assert set(stats["mem_info"]) == {
        *("total", "avail", "free", "drum_rss"),
        *("container_limit", "container_max_used", "container_used"),
    }
    with serving(folder, show_perf=True) as host:
        post(host, "x\n1\n", *CSV)
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


class TestBadRequests:
    """Requests that cannot be answered with a prediction."""

    def test_nothing_sent(self, double: DictHost) -> None:
        """An empty body is 422 with the text that DRUM's clients match."""
        answer = post(double, b"")
        assert answer.status == 422
        assert answer.json()["message"] == (
            "ERROR: Samples should be provided as:   - a csv or mtx under `X` form-data param key."
            "  - binary data"
        )
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"]

    @pytest.mark.parametrize(
        "part", [('name="Y"; filename="y.csv"', b"x\n1\n"), ('name="X"', b"x\n1\n")]
    )
    def test_form_without_file_x(self, double: DictHost, part: tuple[str, bytes]) -> None:
        """A form without X, or with X that is no file, is 422."""
        assert post(double, *form(part)).status == 422

    def test_urlencoded_form(self, double: DictHost) -> None:
        """A urlencoded form is 422."""
        header = ("Content-Type", "application/x-www-form-urlencoded")
        assert post(double, "X=1", header).status == 422

    @pytest.mark.parametrize("kind", ["application/xml", "application/octet-stream", "image/png"])
    def test_unknown_content_type(self, double: DictHost, kind: str) -> None:
        """Another media type is 422, by name, with what to send instead."""
        answer = post(double, "x\n1\n", ("Content-Type", kind))
        assert answer.status == 422
        assert kind in str(answer.json()["message"])
        assert "text/csv" in str(answer.json()["message"])

    @pytest.mark.parametrize("header", [";;;", "csv", "text/", "/", "text/csv text/plain", "a b/c"])
    def test_malformed_content_type(self, double: DictHost, header: str) -> None:
        """What is no media type is 422 and quoted."""
        answer = post(double, "x\n1\n", ("Content-Type", header))
        assert answer.status == 422
        assert repr(header) in str(answer.json()["message"])

    @pytest.mark.parametrize(
        ("body", "header"),
        [
            (b"--B\r\n", "multipart/form-data; boundary=B"),
            (b"nonsense", "multipart/form-data; boundary=B"),
            (
                form(('name="X"; filename="x.csv"', b"x\n1\n"))[0][:-10],
                "multipart/form-data; boundary=B",
            ),
            (form(('name="X"; filename="x.csv"', b"x\n1\n"))[0], "multipart/form-data"),
            (form(('name="X"; filename="x.csv"', b"x\n1\n"))[0], "multipart/form-data; boundary=Z"),
        ],
    )
    def test_broken_form(self, double: DictHost, body: bytes, header: str) -> None:
        """A form that is cut short, or has another boundary than it says, is 422."""
        answer = post(double, body, ("Content-Type", header))
        assert answer.status == 422
        assert "multipart form" in str(answer.json()["message"])

    def test_body_over_the_limit(self, tmp_path: Path) -> None:
        """More than the limit, declared or chunked, is 413 and names the option."""
        folder = make_folder(tmp_path / "m", custom=DOUBLE)
        with serving(folder, max_body_size=10) as host:
            declared = post(host, "x\n" + "1\n" * 10, *CSV)
            chunked = fetch(host, Call("POST", "/predict/", CSV, [b"x\n1\n"] * 10))
            assert declared.status == chunked.status == 413
            assert "--max-body-size" in str(declared.json()["message"])
            assert post(host, "x\n1\n", *CSV).status == 200

    def test_unknown_path_and_method(self, double: DictHost) -> None:
        """404 and 405 have the same envelope; 405 says what is allowed."""
        missing, wrong = get(double, "/nothing"), get(double, "/predict/")
        assert (missing.status, wrong.status) == (404, 405)
        assert wrong.headers["Allow"] == "OPTIONS, POST"
        assert set(missing.json()) == set(wrong.json()) == {"message", "request_id"}

    def test_unreadable_table(self, double: DictHost) -> None:
        """Ragged rows are 500, as DRUM's, with a text that has none of the data."""
        answer = post(double, "x\n1\nsecret,2,3\n", *CSV)
        assert answer.status == 500
        assert "line 3" in str(answer.json()["message"])
        assert b"secret" not in answer.body


class TestHookErrors:
    """What a hook's failure is to a client."""

    def test_user_error_chooses_its_status(self, tmp_path: Path) -> None:
        """UserHTTPError reaches the client with status, message and header."""
        custom = """
            from drum_core import UserHTTPError

            def load_model(code_dir):
                return 1

            def score(data, model, **kwargs):
                raise UserHTTPError("not today", 418)
        """
        with serving(make_folder(tmp_path / "m", custom=custom)) as host:
            answer = post(host, "x\n1\n", *CSV)
        assert answer.status == 418
        assert answer.json()["message"] == "not today"
        assert answer.headers["X-Drum-User-Http-Error"] == "true"

    def test_exception_names_hook_and_line(self, tmp_path: Path) -> None:
        """Any other exception is 500, naming the hook, its line and what it said."""
        custom = "def load_model(d): return 1\ndef score(data, model, **k):\n    1 / 0\n"
        with serving(make_folder(tmp_path / "m", custom=custom)) as host:
            answer = post(host, "x\n1\n", *CSV)
        assert answer.status == 500
        message = str(answer.json()["message"])
        assert message.startswith(
            "ERROR: The hook score (custom.py, line 3) raised ZeroDivisionError"
        )

    def test_exit_of_a_hook_is_an_error(self, tmp_path: Path) -> None:
        """sys.exit() in a hook fails its request only, with the envelope of every error."""
        custom = "import sys\ndef load_model(d): return 1\ndef score(d, m):\n    sys.exit(7)\n"
        with serving(make_folder(tmp_path / "m", custom=custom)) as host:
            answers = [post(host, "x\n1\n", *CSV) for _ in range(2)]
        assert [answer.status for answer in answers] == [500, 500]
        assert "The hook score (custom.py, line 4) called sys.exit(7)" in str(answers[0].json())

    def test_texts_are_no_predictions(self, tmp_path: Path) -> None:
        """Regression predictions that are not numbers are 500 in the server."""
        custom = DOUBLE.replace('data["x"] * model', '["a"] * len(data)')
        with serving(make_folder(tmp_path / "m", custom=custom)) as host:
            answer = post(host, "x\n1\n", *CSV)
        assert answer.status == 500
        assert "must be numbers" in str(answer.json()["message"])


class TestStates:
    """LOADING, READY, FAILED and DRAINING, as a client sees them."""

    SLOW = """
        import pathlib, time

        def load_model(code_dir):
            while not (pathlib.Path(code_dir) / "go").exists():
                time.sleep(0.01)
            if (pathlib.Path(code_dir) / "go").read_text():
                raise RuntimeError("no weights")
            return 1

        def score(data, model, **kwargs):
            import pandas as pd
            return pd.DataFrame({"p": data["x"]})
    """

    def statuses(self, host: DictHost) -> dict[str, int]:
        """The status of each kind of route."""
        found = {path: get(host, path).status for path in ("/", *GET_PATHS)}
        found["/predict/"] = post(host, "x\n1\n", *CSV).status
        return found

    def test_loading_ready_draining(self, tmp_path: Path) -> None:
        """The process answers at once; what needs the model is 503 until it is there."""
        folder = make_folder(tmp_path / "m", custom=self.SLOW)
        with serving(folder, wait=False) as host:
            loading = self.statuses(host)
            assert post(host, "x\n1\n", *CSV).headers["Retry-After"] == "2"
            (folder / "go").write_text("")
            await_state(host)
            ready = self.statuses(host)
        draining = self.statuses(host)
        always = {"/livez": 200, "/stats": 200}
        assert loading == dict.fromkeys(loading, 503) | always
        assert ready == dict.fromkeys(ready, 200)
        assert {path for path, status in draining.items() if status == 503} == {
            "/health",
            "/readyz",
        }

    def test_failed_with_error_server(self, tmp_path: Path) -> None:
        """With the error server, a failed model is 513 with the reason; it stays alive."""
        folder = make_folder(tmp_path / "m", custom=self.SLOW)
        (folder / "go").write_text("fail")
        with serving(folder, with_error_server=True) as host:
            failed = self.statuses(host)
            answer = post(host, "x\n1\n", *CSV)
        own = {"/livez": 200, "/stats": 200, "/readyz": 503, "/startupz": 503}
        assert failed == dict.fromkeys(failed, 513) | own
        assert "no weights" in str(answer.json()["message"])
        assert str(answer.json()["message"]).startswith("ERROR: ")

    def test_failed_without_error_server_fails_the_worker(self, tmp_path: Path) -> None:
        """Without it, the worker is told, and keeps the reason."""
        folder = make_folder(tmp_path / "m", custom=self.SLOW)
        (folder / "go").write_text("fail")
        worker = Worker()
        with DrumRuntime(ServerOptions(code_dir=folder)) as runtime:
            CMRunner(runtime, app=(host := DictHost()), worker_ctx=worker).run()
            assert get(host, "/health/").status == 503
            worker.start()
            await_state(host)
            worker.cleanup()
        assert "no weights" in str(worker.error())

    def test_folder_that_is_no_model(self, tmp_path: Path) -> None:
        """A folder that is no model fails at once, or answers 513 with the error server."""
        (tmp_path / "m").mkdir()
        with pytest.raises(DrumError, match="Can not detect language"), serving(tmp_path / "m"):
            pass
        with serving(tmp_path / "m", with_error_server=True) as host:
            assert get(host, "/ping/").status == get(host, "/info/").status == 513

    def test_foreign_extension_is_refused(self, tmp_path: Path) -> None:
        """An extension for another framework may hold the authentication: no serving."""
        folder = make_folder(tmp_path / "m", custom=DOUBLE)
        (folder / "custom_flask.py").write_text("def init_app(app): pass\n")
        with pytest.raises(ExtensionError, match="custom_flask"), serving(folder):
            pass


def test_one_prediction_at_a_time(tmp_path: Path) -> None:
    """Requests share one slot: the model never runs twice at once, and a probe never waits."""
    custom = """
        import threading, time
        import pandas as pd

        running, most = 0, 0
        lock = threading.Lock()

        def load_model(code_dir):
            return 1

        def score(data, model, **kwargs):
            global running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.05)
            with lock:
                running -= 1
            return pd.DataFrame({"p": [most] * len(data)})
    """
    with serving(make_folder(tmp_path / "m", custom=custom)) as host:
        answers: list[Answer] = []
        threads = [
            threading.Thread(target=lambda: answers.append(post(host, "x\n1\n", *CSV)))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        started = time.perf_counter()
        assert get(host, "/ping/").status == 200
        assert time.perf_counter() - started < 0.2
        for thread in threads:
            thread.join()
    assert [answer.json() for answer in answers] == [{"predictions": [1.0]}] * 6


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
    from drum_core import ScoreOptions

    folder = make_folder(tmp_path / "m", metadata=MULTICLASS, artifact=iris_model())
    data = tmp_path / "rows.csv"
    data.write_text(iris_rows(150))
    with DrumRuntime(ScoreOptions(code_dir=folder, input=data)) as runtime:
        frame = CMRunner(runtime).run().predictions
    with serving(folder) as host:
        served = post(host, data.read_bytes(), *CSV).json()["predictions"]
    assert served == frame.to_dict(orient="records")
