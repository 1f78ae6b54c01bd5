"""Errors that user code raises to choose the answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from werkzeug.exceptions import BadRequest

from drum_core import CMRunner, DrumRuntime, ScoreOptions, UserHTTPError
from drum_core.testing import DictHost
from drum_core.user.errors import user_answer
from drum_core.user.exceptions import BaseCustomUserError, CustomHTTPError
from tests.core.served import CSV, get, post, serving
from tests.model_folders import REGRESSION, make_folder

TEXT = [("Content-Type", "text/plain")]
JSON = [("Content-Type", "application/json")]


class Teapot(BaseCustomUserError):
    """A user error that gives its status as users do: on the class."""

    status_code = 418


class Careless(BaseCustomUserError):
    """A user error that does not call its base class."""

    def __init__(self, row: int) -> None:
        self.row = row

    def __str__(self) -> str:
        return f"row {self.row}"


class Wrong(BaseCustomUserError):
    """A user error with a status that HTTP does not have."""

    status_code = 4000


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (UserHTTPError("no", 409), 409, "no"),
        (UserHTTPError(), 400, "The model refused the request."),
        (CustomHTTPError(), 400, "The model refused the request."),
        (CustomHTTPError("no", 422), 422, "no"),
        (CustomHTTPError(status_code=403, message="no"), 403, "no"),
        (BaseCustomUserError("no"), 400, "no"),
        (BaseCustomUserError(), 400, "The model refused the request."),
        (Teapot("no"), 418, "no"),
        (Careless(3), 400, "row 3"),
        (Wrong("no"), 500, "no"),
    ],
)
def test_status_and_text(error: UserHTTPError, status: int, text: str) -> None:
    """Every way to write a user error gives a status and a text."""
    assert user_answer(error) == (status, text)


def _assert_teapot(host: DictHost, body: str, kind: list[tuple[str, str]], target: str) -> None:
    answer = post(host, body, *kind, target=target)
    assert answer.status == 418
    assert answer.headers["X-Drum-User-Http-Error"] == "true"
    assert b'"message":"short and stout"' in answer.body


RAISE = "    raise CustomHTTPError('short and stout', 418)\n"
IMPORT = "import pandas as pd\nfrom datarobot_drum import CustomHTTPError\n"
LOAD = "def load_model(code_dir):\n    return 1\n"
SCORE = "def score(data, model, **kwargs):\n    return pd.DataFrame({'p': data['x']})\n"


@pytest.mark.parametrize(
    "hook",
    [
        "def read_input_data(raw):\n" + RAISE + SCORE,
        "def transform(data, model):\n" + RAISE + SCORE,
        "def score(data, model, **kwargs):\n" + RAISE,
        "async def score(data, model, **kwargs):\n" + RAISE,
        "def post_process(predictions, model):\n" + RAISE + SCORE,
    ],
)
def test_every_hook_of_a_prediction_may_answer(tmp_path: Path, hook: str) -> None:
    """A user error of any hook of a prediction is the answer."""
    with serving(make_folder(tmp_path / "m", custom=IMPORT + LOAD + hook)) as host:
        _assert_teapot(host, "x\n1\n", CSV, "/predict/")


def test_unstructured_hook_may_answer(tmp_path: Path) -> None:
    """A user error of score_unstructured is the answer."""
    custom = IMPORT + LOAD + "def score_unstructured(model, data, **kwargs):\n" + RAISE
    metadata = REGRESSION.replace("regression", "unstructured")
    with serving(make_folder(tmp_path / "m", custom=custom, metadata=metadata)) as host:
        _assert_teapot(host, "x", TEXT, "/predictUnstructured/")


def test_transform_hook_may_answer(tmp_path: Path) -> None:
    """A user error of the transform hook of a transform model is the answer."""
    custom = IMPORT + LOAD + "def transform(data, model):\n" + RAISE
    metadata = REGRESSION.replace("regression", "transform")
    with serving(make_folder(tmp_path / "m", custom=custom, metadata=metadata)) as host:
        _assert_teapot(host, "x\n1\n", CSV, "/transform/")


def test_chat_hook_may_answer(tmp_path: Path) -> None:
    """A user error of the chat hook is the answer."""
    custom = IMPORT + LOAD + "def chat(params, model):\n" + RAISE
    folder = make_folder(
        tmp_path / "m", custom=custom, metadata=REGRESSION.replace("regression", "textgeneration")
    )
    with serving(folder, target_name="text") as host:
        body = '{"messages": [{"role": "user", "content": "hi"}]}'
        _assert_teapot(host, body, JSON, "/v1/chat/completions")


def test_bad_request_of_werkzeug_from_unstructured(tmp_path: Path) -> None:
    """werkzeug's BadRequest in score_unstructured answers 400 with its description."""
    custom = f"""
        from {BadRequest.__module__} import BadRequest
        def load_model(code_dir):
            return 1
        def score_unstructured(model, data, **kwargs):
            raise BadRequest("not so")
        """
    metadata = REGRESSION.replace("regression", "unstructured")
    with serving(make_folder(tmp_path / "m", custom=custom, metadata=metadata)) as host:
        answer = post(host, "x", *TEXT, target="/predictUnstructured/")
        assert answer.status == 400
        assert b'"error":"not so"' in answer.body


def test_bad_request_of_werkzeug_from_score_is_an_error(tmp_path: Path) -> None:
    """werkzeug's BadRequest in a structured hook is an error of the hook, as under DRUM."""
    custom = f"""
        from {BadRequest.__module__} import BadRequest
        def load_model(code_dir):
            return 1
        def score(data, model, **kwargs):
            raise BadRequest("not so")
        """
    with serving(make_folder(tmp_path / "m", custom=custom)) as host:
        assert post(host, "x\n1\n", *CSV).status == 500
        assert get(host, "/ping/").status == 200


def test_user_error_in_a_score_is_an_error(tmp_path: Path) -> None:
    """In batch scoring a user error comes out as it was raised."""
    custom = IMPORT + LOAD + "def score(data, model, **kwargs):\n" + RAISE
    folder = make_folder(tmp_path / "m", custom=custom)
    (tmp_path / "x.csv").write_text("x\n1\n", encoding="utf-8")
    options = ScoreOptions(code_dir=folder, input=tmp_path / "x.csv")
    with DrumRuntime(options) as runtime, pytest.raises(UserHTTPError, match="short and stout"):
        CMRunner(runtime).run()
