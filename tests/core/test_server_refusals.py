"""Requests to a served model that get no prediction: their own fault, or that of a hook."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from drum_core.testing import Call, DictHost, fetch
from tests.core.served import CSV, form, get, post, serving
from tests.model_folders import DOUBLE, make_folder


@pytest.fixture
def silent() -> Iterator[None]:
    """No log: what is no Unicode cannot be handed from one process of the tests to another."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


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

    @pytest.mark.parametrize("error", ["asyncio.CancelledError()", "Panic('index 3')"])
    def test_hook_may_raise_anything(self, tmp_path: Path, error: str) -> None:
        """What is no `Exception` fails the request of its hook only: a panic, a cancelled task."""
        custom = f"""
            import asyncio
            class Panic(BaseException): pass
            def load_model(d): return 1
            def score(d, m): raise {error}
        """
        with serving(make_folder(tmp_path / "m", custom=custom)) as host:
            answers = [post(host, "x\n1\n", *CSV) for _ in range(2)]
        assert [answer.status for answer in answers] == [500, 500]
        assert f"raised {error.split('(')[0].split('.')[-1]}" in str(answers[0].json()["message"])

    @pytest.mark.usefixtures("silent")
    def test_text_of_an_error_that_is_no_unicode(self, tmp_path: Path) -> None:
        """Half a character pair, as in the name of a file, is escaped in the message."""
        custom = """
            import os
            def load_model(d): return 1
            def score(d, m): raise ValueError(os.fsdecode(b"caf\\xe9.txt"))
        """
        with serving(make_folder(tmp_path / "m", custom=custom)) as host:
            answer = post(host, "x\n1\n", *CSV)
        assert answer.status == 500
        assert "raised ValueError: caf\\udce9.txt" in str(answer.json()["message"])

    def test_artifact_may_raise_anything(self, tmp_path: Path) -> None:
        """The same holds for a model that is called without a hook."""
        custom = """
            from sklearn.base import BaseEstimator, RegressorMixin
            class Panic(BaseException): pass
            class Model(RegressorMixin, BaseEstimator):
                def predict(self, X): raise Panic("index 3")
            def load_model(d): return Model()
        """
        with serving(make_folder(tmp_path / "m", custom=custom)) as host:
            answers = [post(host, "x\n1\n", *CSV) for _ in range(2)]
        assert [answer.status for answer in answers] == [500, 500]
        message = str(answers[0].json()["message"])
        assert message.startswith("ERROR: The scikit-learn model raised Panic: index 3")

    def test_texts_are_no_predictions(self, tmp_path: Path) -> None:
        """Regression predictions that are not numbers are 500 in the server."""
        custom = DOUBLE.replace('data["x"] * model', '["a"] * len(data)')
        with serving(make_folder(tmp_path / "m", custom=custom)) as host:
            answer = post(host, "x\n1\n", *CSV)
        assert answer.status == 500
        assert "must be numbers" in str(answer.json()["message"])
