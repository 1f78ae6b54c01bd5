"""What chats tell the monitoring of a deployment, on every host, whatever becomes of them."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drum_core import CMRunner, DrumRuntime, LocalWorker, ServerOptions, WebApp
from drum_core.testing import Answer, AsgiClient, Call, Client, DictHost, WsgiClient, fetch
from drum_web import FastAPIApp, FlaskApp
from tests.chat.conftest import HOOKS, chat_server
from tests.chat.folders import chat_folder
from tests.core.mlops_service import Service, await_true, running_service, spool, spooled
from tests.model_folders import make_folder

# The packages use what later versions of pandas and urllib3 will not have.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The inplace keyword"),
    pytest.mark.filterwarnings("ignore:Using an empty collection for 'allowed_methods'"),
]

HOSTS = ("dict", "flask", "fastapi")
POET = """\
import pandas as pd

def score(data, model, **kwargs):
    return pd.DataFrame({"poem": ["ode to " + text for text in data["topic"]]})
"""
TEXT = """\
name: poet
type: inference
targetType: textgeneration
inferenceModel:
  targetName: poem
"""


@pytest.fixture
def service() -> Iterator[Service]:
    """A service on a free port."""
    with running_service() as running:
        yield running


@contextmanager
def serving(
    folder: Path, settings: str, host: str = "dict", *, api: Service | None = None
) -> Iterator[Client]:
    """The model in `folder`, monitored, on a host in this process; the reports are made at exit."""
    made = ServerOptions(
        code_dir=folder,
        monitor=True,
        monitor_settings=settings,
        deployment_id="dep1",
        model_id="mod1",
        allow_dr_api_access=api is not None,
        webserver=api.url if api else None,
        api_token="tok" if api else None,
    )
    with (
        LocalWorker() as worker,
        DrumRuntime(made) as runtime,
        _client(host, runtime, worker) as client,
    ):
        assert await_true(lambda: fetch(client, Call("GET", "/readyz")).status == 200)
        yield client


@contextmanager
def _client(
    host: str, runtime: DrumRuntime[ServerOptions], worker: LocalWorker
) -> Iterator[Client]:
    def mounted(app: WebApp) -> None:
        CMRunner(runtime, app=app, worker_ctx=worker).run()

    if host == "dict":
        mounted(plain := DictHost())
        yield plain
    elif host == "flask":
        mounted(flask := FlaskApp())
        yield WsgiClient(flask.app)
    else:
        mounted(fastapi := FastAPIApp())
        with AsgiClient(fastapi.app) as client:
            yield client


def chat_call(model: str, content: object = "hello", **params: object) -> Call:
    """A request for one message."""
    asked = {"model": model, "messages": [{"role": "user", "content": content}], **params}
    body = json.dumps(asked).encode()
    return Call("POST", "/v1/chat/completions", [("Content-Type", "application/json")], body)


def chat(client: Client, model: str, content: object = "hello", **params: object) -> Answer:
    """The answer to one message."""
    return fetch(client, chat_call(model, content, **params))


def only(texts: object) -> str:
    """The text in a list of one."""
    assert isinstance(texts, list)
    assert len(texts) == 1
    return str(texts[0])


@pytest.fixture(params=[(host, hooks) for host in HOSTS for hooks in HOOKS], ids="-".join)
def kind(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Each host with plain hooks, and with asynchronous ones."""
    host, hooks = request.param
    return host, HOOKS[hooks]


def test_chats_are_reported(tmp_path: Path, kind: tuple[str, str]) -> None:
    """After each chat, whole or streamed, its count and time are reported, then its texts."""
    folder = chat_folder(tmp_path / "m", kind[1])
    with serving(folder, spool(tmp_path / "spool"), kind[0]) as client:
        assert chat(client, "parrot", datarobot_association_id="mine").status == 200
        streamed = chat(client, "words", "count", stream=True).body
    stats, data, more_stats, more_data = spooled(tmp_path / "spool")
    for counted in (stats, more_stats):
        assert (counted["modelId"], counted["numPredictions"]) == ("mod1", 1)
        assert isinstance(counted["executionTime"], float)
        assert 0 < counted["executionTime"] < 5000
    assert data["features"] == {"promptText": ["hello"]}
    assert (data["predictions"], data["associationIds"]) == (["hello"], ["mine"])
    assert more_data["features"] == {"promptText": ["count"]}
    assert more_data["predictions"] == ["one two three"]
    made = only(more_data["associationIds"])
    assert f'"datarobot_association_id":"{made}"'.encode() in streamed


@pytest.mark.parametrize("model", ["fail", "refuse", "stillborn", "broken", "number"])
def test_failed_chats(tmp_path: Path, kind: tuple[str, str], model: str) -> None:
    """A chat that fails, before its answer or within, counts as no prediction."""
    folder = chat_folder(tmp_path / "m", kind[1])
    with serving(folder, spool(tmp_path / "spool"), kind[0]) as client:
        chat(client, model, stream=model in ("stillborn", "broken"))
    [stats] = spooled(tmp_path / "spool")
    assert stats["numPredictions"] == 0


def test_client_that_leaves(tmp_path: Path, kind: tuple[str, str]) -> None:
    """When the client leaves a stream, what it was sent until then is reported at once."""
    folder = chat_folder(tmp_path / "m", kind[1])
    place = tmp_path / "spool"
    with serving(folder, spool(place), kind[0]) as client:
        with client(chat_call("endless", stream=True)) as answer:
            assert b"tick" in next(iter(answer.chunks))
        assert await_true(lambda: place.exists() and len(spooled(place)) == 2)
    stats, data = spooled(place)
    assert stats["numPredictions"] == 1
    said = only(data["predictions"])
    assert set(said.split()) == {"tick"}
    assert said.count("tick") < 30


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}], "one\ntwo"),
        (
            [
                {"type": "text", "text": "see"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAECAw=="}},
                {"type": "image_url", "image_url": {"url": "https://h/a.png?signature=s"}},
                {"type": "input_audio", "input_audio": {"data": "AAEC", "format": "wav"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "AAEC"}},
                {"type": "new", "new": 1},
            ],
            "see\n[image: image/png, 4 bytes]\n[image: https://h/a.png]\n[audio: wav, 3 bytes]\n"
            "[file: a.pdf]\n[new]",
        ),
        (None, ""),
        ([1, {"type": "image_url"}, {"type": "text", "text": 7}], "[unknown]\n[image: unknown]\n"),
    ],
)
def test_parts_of_a_message(tmp_path: Path, content: object, said: str) -> None:
    """The parts of a message are on lines of their own; pictures and sound are described."""
    folder = chat_folder(tmp_path / "m", "def chat(params, model):\n    return " + ANSWER)
    with serving(folder, spool(tmp_path / "spool")) as client:
        assert chat(client, "m", content).status == 200
    assert spooled(tmp_path / "spool")[1]["features"] == {"promptText": [said]}


ANSWER = """{"object": "chat.completion", "datarobot_association_id": "own", "choices": [
        {"index": 1, "message": {"content": "other"}}, {"index": 0, "message": {"content": None}}]}
"""


def test_answer_without_text(tmp_path: Path) -> None:
    """An answer without a text is an empty one; an association id of the hook's own is kept."""
    folder = chat_folder(tmp_path / "m", "def chat(params, model):\n    return " + ANSWER)
    with serving(folder, spool(tmp_path / "spool")) as client:
        assert chat(client, "m").json()["datarobot_association_id"] == "own"
    data = spooled(tmp_path / "spool")[1]
    assert (data["predictions"], data["associationIds"]) == ([""], ["own"])


def test_hook_that_changes_its_request(tmp_path: Path) -> None:
    """What the client said is reported, even when the hook has written something into it."""
    custom = (
        "def chat(params, model):\n    params['messages'][-1]['content'] = 'secret'\n    return "
        + ANSWER
    )
    folder = chat_folder(tmp_path / "m", custom)
    with serving(folder, spool(tmp_path / "spool")) as client:
        assert chat(client, "m").status == 200
    assert spooled(tmp_path / "spool")[1]["features"] == {"promptText": ["hello"]}


@pytest.mark.parametrize("stream", [False, True])
def test_text_model_without_a_chat_hook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    """A chat that a score hook answers is one report, its column the runtime parameter's."""
    parameter = json.dumps({"type": "string", "payload": "topic"})
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_PROMPT_COLUMN_NAME", parameter)
    folder = make_folder(tmp_path / "m", metadata=TEXT, custom=POET)
    with serving(folder, spool(tmp_path / "spool")) as client:
        assert chat(client, "m", "joy", stream=stream).status == 200
    stats, data = spooled(tmp_path / "spool")
    assert stats["numPredictions"] == 1
    assert (data["features"], data["predictions"]) == ({"topic": ["joy"]}, ["ode to joy"])


def enabled(*, drift: bool, collection: bool) -> dict[str, object]:
    """The settings of a deployment."""
    return {
        "targetDrift": {"enabled": True},
        "featureDrift": {"enabled": drift},
        "predictionsDataCollection": {"enabled": collection},
    }


@pytest.mark.parametrize(
    ("drift", "collection"), [(False, False), (True, False), (False, True), (True, True)]
)
def test_what_a_deployment_takes(
    tmp_path: Path, service: Service, drift: bool, collection: bool
) -> None:
    """Texts are reported where drift is tracked or predictions are collected; counts always."""
    settings = enabled(drift=drift, collection=collection)
    service.content["/deployments/dep1/settings/"] = settings
    service.content["/deployments/dep1/"] = {"id": "dep1", "model": {"prompt": "question"}}
    folder = chat_folder(tmp_path / "m", HOOKS["plain"])
    with serving(folder, spool(tmp_path / "spool"), api=service) as client:
        assert [chat(client, "parrot").status for _ in range(3)] == [200] * 3
    reported = spooled(tmp_path / "spool")
    assert len([item for item in reported if "numPredictions" in item]) == 3
    texts = [item["features"] for item in reported if "predictions" in item]
    assert texts == [{"question": ["hello"]}] * (3 if drift or collection else 0)
    asked = [path for path in service.got() if "dep1" in path]
    assert asked == ["/deployments/dep1/settings/", "/deployments/dep1/"]


def test_service_that_refuses(
    tmp_path: Path, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the settings cannot be read, everything is reported, and the log says so once."""
    service.status["/deployments/dep1/settings/"] = 403
    folder = chat_folder(tmp_path / "m", HOOKS["plain"])
    with serving(folder, spool(tmp_path / "spool"), api=service) as client:
        assert [chat(client, "parrot").status for _ in range(2)] == [200] * 2
    assert spooled(tmp_path / "spool")[3]["features"] == {"promptText": ["hello"]}
    assert caplog.text.count("the settings of the deployment cannot be read") == 1


def to_service(service: Service) -> str:
    """Settings by which each report is sent to the service at once."""
    return f"spooler_type=API;mlops_service_url={service.url};mlops_api_token=tok"


@pytest.mark.parametrize(("status", "level"), [(422, "WARNING"), (400, "ERROR")])
def test_reports_that_are_refused(
    tmp_path: Path,
    service: Service,
    caplog: pytest.LogCaptureFixture,
    status: int,
    level: str,
) -> None:
    """A deployment that takes no predictions is a warning, anything else an error in the log."""
    service.status["/deployments/dep1/predictionInputs/fromJSON/"] = status
    folder = chat_folder(tmp_path / "m", HOOKS["plain"])
    with serving(folder, to_service(service)) as client:
        assert chat(client, "parrot").json()["model"] == "parrot"
    [told] = [item for item in caplog.records if item.name == "drum_core.monitoring.chat"]
    assert told.levelname == level
    assert len(service.posted("predictionRequests/fromJSON/")) == 1


def test_count_that_is_refused(
    tmp_path: Path, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """When the count is not taken, the texts are sent all the same."""
    service.status["/deployments/dep1/predictionRequests/fromJSON/"] = 400
    folder = chat_folder(tmp_path / "m", HOOKS["plain"])
    with serving(folder, to_service(service)) as client:
        assert chat(client, "parrot").status == 200
    assert "could not be counted" in caplog.text
    [sent] = service.posted("predictionInputs/fromJSON/")
    assert sent["predictions"] == ["hello"]


def test_nobody_waits_for_reports(tmp_path: Path, service: Service, kind: tuple[str, str]) -> None:
    """A service that takes its time delays no answer; its reports are made before the end."""
    folder = chat_folder(tmp_path / "m", kind[1])
    service.seconds = 1.0
    stream = kind[1] == HOOKS["async"]
    with serving(folder, to_service(service), kind[0]) as client:
        began = time.monotonic()
        assert chat(client, "words" if stream else "parrot", stream=stream).status == 200
        assert fetch(client, Call("GET", "/livez")).status == 200
        assert time.monotonic() - began < 1.0
    [counted] = service.posted("predictionRequests/fromJSON/")
    assert counted["numPredictions"] == 1
    assert len(service.posted("predictionInputs/fromJSON/")) == 1


@pytest.mark.parametrize(
    ("server", "hooks"), [("werkzeug", "plain"), ("gunicorn", "async"), ("uvicorn", "async")]
)
def test_live_servers(tmp_path: Path, server: str, hooks: str) -> None:
    """A server that is asked to end makes the reports that wait."""
    folder = chat_folder(tmp_path / "m", HOOKS[hooks])
    options = ["--monitor", "--monitor-settings", spool(tmp_path / "spool")]
    options += ["--deployment-id", "dep1", "--model-id", "mod1"]
    with chat_server(server, folder, hooks, *options) as running:
        for call in (chat_call("parrot"), chat_call("words", stream=True)):
            request = urllib.request.Request(
                running.url + call.target, b"".join(call.chunks()), dict(call.wire_headers())
            )
            with urllib.request.urlopen(request, timeout=10) as answer:
                answer.read()
    data = spooled(tmp_path / "spool")
    assert [item["predictions"] for item in data[1::2]] == [["hello"], ["one two three"]]
    assert [item["numPredictions"] for item in data[::2]] == [1, 1]
