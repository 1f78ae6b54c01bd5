"""Deadlines of asynchronous hooks, which are cancelled, on a loop of ours and on the server's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drum_core import CMRunner, DrumRuntime, LocalWorker, ServerOptions
from drum_core.testing import AsgiClient, Call, Client, WsgiClient, fetch
from drum_web import FastAPIApp, FastAPIWorkerCtx, FlaskApp
from tests.model_folders import make_folder

METADATA = "name: slow\ntype: inference\ntargetType: unstructured\n"
CUSTOM = """\
import asyncio
import json
from pathlib import Path


class ChatCompletionChunk:
    object = "chat.completion.chunk"

    def to_json(self, indent=None):
        return json.dumps({"text": "chunk"})


def load_model(code_dir):
    return 1


def score_unstructured(model, data, **kwargs):
    return "done"


async def chat(completion_create_params, model):
    what = completion_create_params["messages"][-1]["content"]
    if what == "late":
        await slept("late")
    return stream(what)


async def slept(what):
    try:
        await asyncio.sleep(20)
    except asyncio.CancelledError:
        (Path(__file__).parent / f"cancelled-{what}").touch()
        raise


async def stream(what):
    yield ChatCompletionChunk()
    if what == "stalls":
        await slept("stalls")
    for _ in range(300 if what == "long" else 1):
        await asyncio.sleep(0.02)
        yield ChatCompletionChunk()
"""


@contextmanager
def on_flask(options: ServerOptions) -> Iterator[Client]:
    """The hook on a loop in a thread of the worker."""
    app = FlaskApp()
    with LocalWorker() as worker, DrumRuntime(options) as runtime:
        CMRunner(runtime, app=app, worker_ctx=worker).run()
        yield WsgiClient(app.app)


@contextmanager
def on_fastapi(options: ServerOptions) -> Iterator[Client]:
    """The hook on the loop of the server."""
    worker = FastAPIWorkerCtx()
    app = FastAPIApp(lifespan=worker.lifespan)
    with DrumRuntime(options) as runtime:
        CMRunner(runtime, app=app, worker_ctx=worker).run()
        with AsgiClient(app.app) as client:
            yield client


HOSTS = {"flask": on_flask, "fastapi": on_fastapi}


@pytest.fixture(scope="module", params=HOSTS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Client, Path]]:
    """A host with short times, and the folder of its model."""
    folder = make_folder(tmp_path_factory.mktemp("m") / "m", metadata=METADATA, custom=CUSTOM)
    options = ServerOptions(
        code_dir=folder, request_timeout=1, stream_idle_timeout=1, stream_timeout=2
    )
    with HOSTS[request.param](options) as client:
        until = time.monotonic() + 20
        while fetch(client, Call("GET", "/readyz")).status != 200:
            assert time.monotonic() < until
            time.sleep(0.05)
        yield client, folder


def call(text: str, *headers: tuple[str, str]) -> Call:
    """A chat request."""
    body = json.dumps({"messages": [{"role": "user", "content": text}], "stream": True})
    fields = [("Content-Type", "application/json"), *headers]
    return Call("POST", "/chat/completions", fields, body.encode())


@pytest.mark.parametrize("headers", [[], [("X-Request-Timeout", "0.4")]])
def test_asynchronous_answer_that_is_late(
    served: tuple[Client, Path], headers: list[tuple[str, str]]
) -> None:
    """504 with the seconds, the hook is cancelled where it waits, and nothing turns unready."""
    client, folder = served
    (folder / "cancelled-late").unlink(missing_ok=True)
    answer = fetch(client, call("late", *headers))
    seconds = headers[0][1] if headers else "1"
    assert (answer.status, f"{seconds} s" in str(answer.json()["message"])) == (504, True)
    assert (folder / "cancelled-late").exists()
    assert fetch(client, Call("GET", "/readyz")).status == 200


@pytest.mark.parametrize(("what", "seconds"), [("stalls", " 1 s"), ("long", " 2 s")])
def test_asynchronous_stream_that_takes_too_long(
    served: tuple[Client, Path], what: str, seconds: str
) -> None:
    """Its last event is the error, without DONE; the hook is cancelled where it waits."""
    client, folder = served
    answer = fetch(client, call(what))
    events = answer.body.decode().split("\n\n")
    error = json.loads(events[-2].removeprefix("data: "))
    assert (answer.status, error["error"]["code"]) == (200, "deadline_exceeded")
    assert seconds in error["message"]
    assert what == "long" or (folder / "cancelled-stalls").exists()


def test_asynchronous_stream_in_time(served: tuple[Client, Path]) -> None:
    """Every chunk, and DONE."""
    events = fetch(served[0], call("short")).body.decode().split("\n\n")
    assert len(events) == 4
    assert events[-2] == "data: [DONE]"
