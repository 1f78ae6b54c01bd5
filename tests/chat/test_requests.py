"""Chat over HTTP, on the host without a framework: requests, answers and errors, word by word."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from drum_core.limit_errors import BusyError
from drum_core.serving.admission import AsyncJobs
from drum_core.serving.chat_errors import chat_answer_to
from drum_core.testing import Answer, Call, DictHost, fetch
from tests.chat.folders import ASYNC, SYNC, chat_folder
from tests.core.served import get, serving
from tests.model_folders import DOUBLE, REGRESSION, make_folder

JSON = ("Content-Type", "application/json")
PATHS = ("/chat/completions", "/chat/completions/", "/v1/chat/completions", "/v1/chat/completions/")
SAID = [{"role": "user", "content": "hello"}]

TEXT = """\
name: poet
type: inference
targetType: textgeneration
inferenceModel:
  targetName: poem
"""
POET = """\
import pandas as pd

def score(data, model, **kwargs):
    column = {column!r}
    return pd.DataFrame({{"poem": ["ode to " + text for text in data[column]]}})
"""


@pytest.fixture(scope="module", params=[SYNC, ASYNC], ids=["plain", "async"])
def host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DictHost]:
    """A folder that chats."""
    with serving(chat_folder(tmp_path_factory.mktemp("chat") / "model", request.param)) as host:
        yield host


@pytest.fixture(scope="module")
def poet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DictHost]:
    """A text-generation folder that has only a score hook."""
    custom = POET.format(column="promptText")
    folder = make_folder(tmp_path_factory.mktemp("text") / "model", metadata=TEXT, custom=custom)
    with serving(folder) as host:
        yield host


def chat(
    host: DictHost,
    content: object,
    *headers: tuple[str, str],
    path: str = PATHS[0],
) -> Answer:
    """The answer to a chat request; `content` is JSON, or bytes as they are."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return fetch(host, Call("POST", path, headers or [JSON], body))


def error(answer: Answer) -> dict[str, object]:
    """What the client of the OpenAI API sees of an error."""
    found = answer.json()["error"]
    assert isinstance(found, dict)
    assert set(found) == {"message", "type", "param", "code"}
    assert answer.json()["message"] == found["message"]
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    return found


@pytest.mark.parametrize("path", PATHS)
def test_every_path_answers(host: DictHost, path: str) -> None:
    """Chat is found with and without `/v1`, and with a slash at the end."""
    answer = chat(host, {"model": "parrot", "messages": SAID}, path=path)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["object"] == "chat.completion"


def test_events_are_framed(host: DictHost) -> None:
    """Each chunk is a `data:` line and an empty one; DONE is the last."""
    answer = chat(host, {"model": "words", "messages": SAID, "stream": True})
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    *events, done, rest = answer.body.decode().split("\n\n")
    assert (len(events), done, rest) == (4, "data: [DONE]", "")
    assert all(event.startswith('data: {"') and "\n" not in event for event in events)


def test_empty_stream_is_only_done(host: DictHost) -> None:
    """A stream that yields nothing is DONE and nothing else."""
    answer = chat(host, {"model": "empty", "messages": SAID})
    assert (answer.status, answer.body) == (200, b"data: [DONE]\n\n")


def test_broken_stream_ends_with_the_error(
    host: DictHost, caplog: pytest.LogCaptureFixture
) -> None:
    """The error is the last event, without DONE; the log has it with its traceback."""
    with caplog.at_level(logging.ERROR):
        answer = chat(host, {"model": "broken", "messages": SAID}, JSON, ("X-Request-ID", "r-1"))
    first, last, rest = answer.body.decode().split("\n\n")
    assert json.loads(first.removeprefix("data: "))["choices"][0]["delta"]["content"] == "first"
    told = json.loads(last.removeprefix("data: "))
    assert "ValueError: the parrot fell off" in told["error"]["message"]
    assert (told["request_id"], rest) == ("r-1", "")
    assert any(record.exc_info and "parrot" in record.message for record in caplog.records)


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (b'{"messages": ', [JSON], "not valid JSON"),
        (b"", [JSON], "not valid JSON"),
        (b"\xff\xfe", [JSON], "not valid JSON"),
        (b"[1]", [JSON], "must be a JSON object, got a list"),
        (b'"hi"', [JSON], "must be a JSON object, got a text"),
        (b"null", [JSON], "must be a JSON object, got null"),
        (b"3", [JSON], "must be a JSON object, got a number"),
        (b'{"messages": []}', [("Content-Type", "text/csv")], "got the content type 'text/csv'"),
        (b'{"messages": []}', [("X-No", "type")], "got the content type ''"),
        (b'{"messages": []}', [("Content-Type", "nonsense")], "got the content type 'nonsense'"),
        (b"[" * 100_000, [JSON], "not valid JSON"),
    ],
)
def test_body_that_is_no_json_object(
    host: DictHost, body: bytes, headers: list[tuple[str, str]], words: str
) -> None:
    """A body that cannot be read is 400, and the message says what was expected."""
    answer = chat(host, body, *headers)
    assert answer.status == 400
    assert words in str(error(answer)["message"])
    assert error(answer)["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "content",
    [
        {"model": "parrot"},
        {"messages": None},
        {"messages": []},
        {"messages": "hello"},
        {"messages": ["hello"]},
        {"messages": {"role": "user"}},
    ],
)
def test_request_without_messages(host: DictHost, content: dict[str, object]) -> None:
    """Without messages a chat request is 400, with the field named."""
    answer = chat(host, content)
    assert answer.status == 400
    assert error(answer)["param"] == "messages"


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/ld+json"])
def test_content_types_of_json(host: DictHost, kind: str) -> None:
    """Any media type of JSON will do, with parameters."""
    answer = chat(host, {"model": "parrot", "messages": SAID}, ("Content-Type", kind))
    assert answer.status == 200


def test_compressed_request(host: DictHost) -> None:
    """A request may be compressed."""
    body = gzip.compress(json.dumps({"model": "parrot", "messages": SAID}).encode())
    assert chat(host, body, JSON, ("Content-Encoding", "gzip")).status == 200


def test_model_that_refuses(host: DictHost) -> None:
    """A hook's own status has its message as it is, for both kinds of client."""
    answer = chat(host, {"model": "refuse", "messages": SAID})
    assert (answer.status, answer.headers["X-Drum-User-Http-Error"]) == (429, "true")
    assert error(answer) == {
        "message": "not today",
        "type": "rate_limit_error",
        "param": None,
        "code": "model_refused",
    }


def test_model_without_chat(tmp_path: Path) -> None:
    """A model without the hook is 404, and says so; so is the list of models."""
    with serving(make_folder(tmp_path / "model", custom=DOUBLE)) as host:
        answer = chat(host, {"messages": SAID})
        listed = get(host, "/v1/models")
        capabilities = get(host, "/capabilities/").json()
    assert (answer.status, listed.status) == (404, 404)
    assert "but chat is not supported" in str(error(answer)["message"])
    assert "is supported only for TextGen models" in str(error(listed)["message"])
    assert capabilities["supported_methods"] == {"chat": False}


def test_capabilities_tell_of_chat(host: DictHost) -> None:
    """A model with the hook says so."""
    assert get(host, "/capabilities/").json()["supported_methods"] == {"chat": True}


def test_agent_without_chat(tmp_path: Path) -> None:
    """An agentic workflow without the hook is 404, in DRUM's words."""
    folder = make_folder(
        tmp_path / "model",
        metadata=TEXT.replace("textgeneration", "agenticworkflow"),
        custom=POET.format(column="promptText"),
    )
    with serving(folder) as host:
        answer = chat(host, {"messages": SAID})
    assert answer.status == 404
    assert "but chat() is not implemented" in str(error(answer)["message"])


def test_chat_before_the_model_is_there(tmp_path: Path) -> None:
    """While the model loads, chat is 503 with Retry-After, in the shape of the API."""
    custom = f"import time\ntime.sleep(0.5)\n{DOUBLE}"
    with serving(make_folder(tmp_path / "model", custom=custom), wait=False) as host:
        answer = chat(host, {"messages": SAID})
    assert (answer.status, error(answer)["code"]) == (503, "model_not_ready")
    assert "Retry-After" in answer.headers


def test_score_hook_answers_chat(poet: DictHost) -> None:
    """A text model with only a score hook answers the last message of the user."""
    messages = [*SAID, {"role": "user", "content": "a cat"}, {"role": "assistant", "content": "?"}]
    content = {"model": "m", "messages": messages, "datarobot_association_id": "a-1"}
    answer = chat(poet, content).json()
    assert answer["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "ode to a cat"},
            "finish_reason": "stop",
        }
    ]
    assert (answer["object"], answer["model"]) == ("chat.completion", "m")
    assert answer["datarobot_association_id"] == "a-1"


def test_score_hook_answers_chat_in_one_chunk(poet: DictHost) -> None:
    """Streaming, it answers with one chunk and DONE."""
    answer = chat(poet, {"messages": SAID, "stream": True})
    first, done, _ = answer.body.decode().split("\n\n")
    chunk = json.loads(first.removeprefix("data: "))
    assert chunk["object"] == "chat.completion.chunk"
    assert chunk["choices"][0]["delta"]["content"] == "ode to hello"
    assert done == "data: [DONE]"


@pytest.mark.parametrize("text", ["42", "NA", "", "1e3", 'say "hi",\nplease', "true", "🦜"])
def test_prompt_stays_a_text(poet: DictHost, text: str) -> None:
    """A prompt reaches the model as it was sent, whatever it looks like."""
    answer = chat(poet, {"messages": [{"role": "user", "content": text}]}).json()
    choices = answer["choices"]
    assert isinstance(choices, list)
    assert choices[0]["message"]["content"] == f"ode to {text}"


def test_parts_of_a_message_are_joined(poet: DictHost) -> None:
    """The texts of a message in parts are put on lines of their own."""
    parts = [{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}]
    answer = chat(poet, {"messages": [{"role": "user", "content": parts}]})
    assert b'"ode to a\\nb"' in answer.body


def test_no_message_of_the_user(poet: DictHost) -> None:
    """Without a message of the user there is no prompt: 400."""
    answer = chat(poet, {"messages": [{"role": "system", "content": "be brief"}]})
    assert (answer.status, error(answer)["param"]) == (400, "messages")


def test_prompt_column_is_a_parameter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runtime parameter names the column in which the model finds its prompt."""
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_PROMPT_COLUMN_NAME", "question")
    folder = make_folder(tmp_path / "model", metadata=TEXT, custom=POET.format(column="question"))
    with serving(folder) as host:
        assert b"ode to hello" in chat(host, {"messages": SAID}).body


@pytest.mark.parametrize("path", ["/models", "/models/", "/v1/models", "/v1/models/"])
def test_models_from_the_parameter(
    poet: DictHost, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Without the hook, the models are what LLM_ID names, or none."""
    assert get(poet, path).json() == {"object": "list", "data": []}
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_LLM_ID", '{"type": "string", "payload": "poet-1"}')
    assert get(poet, path).json() == {
        "object": "list",
        "data": [
            {"id": "poet-1", "object": "model", "owned_by": "DataRobot", "created": 1735689600}
        ],
    }


def test_models_from_the_hook(tmp_path: Path) -> None:
    """The models are what the hook lists; what is not a model is left out."""
    with serving(make_folder(tmp_path / "model", metadata=TEXT, custom=SYNC)) as host:
        listed = get(host, "/v1/models").json()
    model = {"id": "parrot", "object": "model", "created": 1, "owned_by": "tests"}
    assert listed == {"object": "list", "data": [model]}


@pytest.mark.parametrize(
    "signature", ["params, model", "params, model, headers", "params, model, **kwargs"]
)
def test_signatures(tmp_path: Path, signature: str) -> None:
    """A hook may take the headers, by name or with others, or leave them."""
    custom = f"def chat({signature}):\n    return []\n"
    with serving(make_folder(tmp_path / "model", metadata=REGRESSION, custom=custom)) as host:
        assert chat(host, {"messages": SAID}).body == b"data: [DONE]\n\n"


def test_answers_without_the_package(tmp_path: Path) -> None:
    """Objects of any class will do that have the attributes of the API's."""
    custom = """\
        class Chunk:
            object = "chat.completion.chunk"

            def to_json(self, indent):
                return f'{{"indent": {indent or 0},\\n"id": "{self.datarobot_association_id}"}}'

        class Answer:
            object = "chat.completion"
            __slots__ = ()

            def to_dict(self):
                return {"choices": [], "nan": float("nan")}

        def chat(params, model):
            return [Chunk()] if params.get("stream") else Answer()
        """
    asked = {"messages": SAID, "datarobot_association_id": "x"}
    with serving(make_folder(tmp_path / "model", custom=custom)) as host:
        events = chat(host, {**asked, "stream": True}).body
        whole = chat(host, asked).json()
    assert events == b'data: {"indent": 0,\ndata: "id": "x"}\n\ndata: [DONE]\n\n'
    assert whole == {"choices": [], "nan": None, "datarobot_association_id": "x"}


def test_jobs_on_a_loop_are_limited() -> None:
    """One job more than the limit is refused, with 503 and Retry-After, until one has ended."""
    jobs = AsyncJobs(1)
    jobs.take()
    with pytest.raises(BusyError) as caught:
        jobs.take()
    answer = chat_answer_to(caught.value)
    assert (answer.status, "Retry-After" in answer.headers) == (503, True)
    jobs.release()
    jobs.take()
