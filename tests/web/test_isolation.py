"""`--isolate process`: a prediction may hang, crash or exit, and only its own request fails."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import psutil
import pytest

from drum_core import ServerOptions
from drum_core.child_server import ChildServer, child_server
from drum_core.errors import OptionError
from drum_core.testing import Call
from tests.chat.folders import ASYNC, SYNC, chat_folder, notes
from tests.core.served import CSV, get, post, serving
from tests.model_folders import make_folder
from tests.web.live import is_alive, wait_until

CUSTOM = """
    import ctypes, os, sys, time
    import pandas as pd
    from drum_core import UserHTTPError
    from drum_core.user import RuntimeParameters

    def load_model(code_dir):
        return {"calls": 0}

    def score(data, model, **kwargs):
        model["calls"] += 1
        do = str(data["do"].iloc[0])
        if do == "hold":
            ctypes.PyDLL(None).usleep(60_000_000)
        if do == "segfault":
            ctypes.string_at(0)
        if do == "exit":
            os._exit(7)
        if do == "sys.exit":
            sys.exit("enough")
        if do == "teapot":
            raise UserHTTPError("short and stout", 418)
        if do == "raise":
            raise ValueError("no such thing")
        if do == "own":
            return pd.DataFrame({"Predictions": [1.0], "more": [lambda: 1]})
        if do == "secret":
            print("the key is", RuntimeParameters.get("KEY")["apiToken"], flush=True)
        if do == "calls":
            return pd.DataFrame({"Predictions": [float(model["calls"])] * len(data)})
        return pd.DataFrame({"Predictions": [float(os.getpid())] * len(data)})
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model that does to its process what the column `do` says, and else tells its id."""
    folder = make_folder(tmp_path / "m", custom=CUSTOM)
    (folder / "model-metadata.yaml").write_text(
        "name: m\ntype: inference\ntargetType: regression\nruntimeParameterDefinitions:\n"
        "  - fieldName: KEY\n    type: credential\n"
    )
    (tmp_path / "values.yaml").write_text(
        "KEY:\n  credentialType: api_token\n  apiToken: open-sesame-1234\n"
    )
    return folder


@contextmanager
def served(folder: Path, server: str, *words: str) -> Iterator[ChildServer]:
    """`drum server --isolate process`, ready."""
    line = [f"--code-dir={folder}", "--isolate=process", f"--server={server}", *words]
    line.append(f"--runtime-params-file={folder.parent / 'values.yaml'}")
    with child_server(line, ready_seconds=90) as child:
        yield child


def predict(child: ChildServer, do: str, request_id: str = "t") -> httpx.Response:
    """One prediction."""
    headers = {**child.headers, "Content-Type": "text/csv", "X-Request-ID": request_id}
    body = f"do\n{do}\n".encode()
    return httpx.post(f"{child.url}/predict/", content=body, headers=headers, timeout=60)


def deaths(child: ChildServer) -> list[dict[str, object]]:
    """The JSON lines about processes of models."""
    found = re.findall(r'\{"event": "model_process_died".*\}', child.log.read_text())
    return [json.loads(line) for line in found]


def model_pid(child: ChildServer) -> int:
    """The process that predicts."""
    answer = predict(child, "pid")
    assert answer.status_code == 200, answer.text
    return int(answer.json()["predictions"][0])


@pytest.mark.parametrize("server", ["werkzeug", "gunicorn", "uvicorn"])
def test_what_hangs_is_killed_at_its_deadline(folder: Path, server: str) -> None:
    """504, also while a C extension holds Python; probes go on, who waits is answered after."""
    with served(folder, server, "--request-timeout", "2") as child:
        first = model_pid(child)
        answers: list[httpx.Response] = []
        hangs = threading.Thread(target=lambda: answers.append(predict(child, "hold", "hung")))
        hangs.start()
        time.sleep(0.5)
        behind = threading.Thread(target=lambda: answers.append(predict(child, "pid")))
        behind.start()
        while hangs.is_alive():
            assert httpx.get(f"{child.url}/livez", timeout=5).status_code == 200
            time.sleep(0.05)
        behind.join(30)
        assert sorted(answer.status_code for answer in answers) in ([200, 504], [504, 504])
        wait_until(lambda: httpx.get(f"{child.url}/readyz").status_code == 200)
        second = model_pid(child)
        assert second != first
        assert not is_alive(first)
        (death,) = deaths(child)
        assert death["pid"] == first
        assert (death["signal"], death["deadline_passed"]) == ("SIGKILL", True)
        assert death["last_request_id"] == "hung"
        assert child.exit_status() is None
        os.kill(child.pid, signal.SIGTERM)
        wait_until(lambda: child.exit_status() == 0)
        wait_until(lambda: not is_alive(second))


def test_a_crash_fails_its_own_request_only(folder: Path) -> None:
    """A segmentation fault and an exit are 500 that say so; who waits behind them is answered."""
    with served(folder, "uvicorn") as child:
        for do, how in (("segfault", "was ended by SIGSEGV"), ("exit", "ended with status 7")):
            answers: dict[str, httpx.Response] = {}

            def ask(what: str, into: dict[str, httpx.Response] = answers) -> None:
                into[what] = predict(child, what, what)

            threads = [threading.Thread(target=ask, args=(what,)) for what in (do, "pid")]
            for thread in threads:
                thread.start()
                time.sleep(0.1)
            for thread in threads:
                thread.join(60)
            assert answers[do].status_code == 500
            assert how in answers[do].json()["message"]
            assert answers["pid"].status_code == 200
            assert deaths(child)[-1]["ended_by"] == how
            assert deaths(child)[-1]["last_request_id"] == do
        assert len(deaths(child)) == 2


def test_the_process_never_outlives_its_worker(folder: Path) -> None:
    """It ends with a worker that is killed, also while a C extension holds it."""
    with served(folder, "uvicorn") as child:
        pid = model_pid(child)

        def ask() -> None:
            with pytest.raises(httpx.TransportError):
                predict(child, "hold")

        thread = threading.Thread(target=ask)
        thread.start()
        wait_until(lambda: psutil.Process(pid).is_running())
        time.sleep(0.5)
        os.kill(child.pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid))
        thread.join(30)


def test_errors_and_state_are_as_in_the_worker(folder: Path) -> None:
    """A hook's status, an exception, sys.exit and bad data are answered alike; the model stays."""
    values = folder.parent / "values.yaml"
    with (
        serving(folder, runtime_params_file=values) as plain,
        serving(folder, runtime_params_file=values, isolate="process") as host,
    ):
        for do in ("teapot", "raise", "sys.exit", "secret"):
            here, there = post(plain, f"do\n{do}\n", *CSV), post(host, f"do\n{do}\n", *CSV)
            assert there.status == here.status
            if here.status != 200:
                expected, got = here.json(), there.json()
                assert got["message"] == expected["message"]
        for host_of in (plain, host):
            assert post(host_of, "x\n", *CSV).status == 500
        assert post(host, "do\ncalls\n", *CSV).json() == post(plain, "do\ncalls\n", *CSV).json()
        refused = post(host, "do\nown\n", *CSV)
        assert refused.status == 500
        assert "cannot leave its process" in str(refused.json()["message"])
        assert post(host, "do\npid\n", *CSV).status == 200


def test_secrets_are_masked_in_the_process_too(folder: Path) -> None:
    """What the model prints there has no secret in it."""
    with served(folder, "uvicorn") as child:
        assert predict(child, "secret").status_code == 200
        wait_until(lambda: "the key is" in child.log.read_text())
        assert "open-sesame" not in child.log.read_text()


@pytest.mark.parametrize("kind", ["plain", "asynchronous"])
def test_chats_and_streams(tmp_path: Path, kind: str) -> None:
    """Whole answers and streams are those of the worker; a stream that is left is closed."""
    folder = chat_folder(tmp_path / kind, SYNC if kind == "plain" else ASYNC)
    metadata = folder / "model-metadata.yaml"
    metadata.write_text(metadata.read_text().replace("regression", "textgeneration"))
    json_type = ("Content-Type", "application/json")
    ask = {"model": "parrot", "messages": [{"role": "user", "content": "hello"}]}
    with (
        serving(folder, target_name="text") as plain,
        serving(folder, target_name="text", isolate="process") as host,
    ):
        for model in (
            *("parrot", "list", "later", "fail", "refuse", "exit", "number", "numbers"),
            *("words", "broken", "refused", "stillborn", "context"),
        ):
            body = json.dumps({**ask, "model": model, "datarobot_association_id": "a"})
            here = post(plain, body, json_type, target="/chat/completions")
            there = post(host, body, json_type, target="/chat/completions")
            assert there.status == here.status, model
            assert _without_id(there.body) == _without_id(here.body), model
        before = [note for note in notes(folder) if "endless" in note]
        endless = json.dumps({**ask, "model": "endless"}).encode()
        with host(Call("POST", "/chat/completions", (json_type,), endless)) as answer:
            assert b"tick" in next(iter(answer.chunks))
        wait_until(lambda: [note for note in notes(folder) if "endless" in note] != before)
        assert get(host, "/v1/models").status == 200
        assert get(host, "/v1/models").json() == get(plain, "/v1/models").json()


def test_a_stream_that_stands_still_is_ended(tmp_path: Path) -> None:
    """Its idle time ends the process too; the next chat is answered by another one."""
    folder = chat_folder(tmp_path / "m", SYNC)
    ask = {"messages": [{"role": "user", "content": "hello"}]}
    json_type = ("Content-Type", "application/json")
    with serving(folder, isolate="process", stream_idle_timeout=1) as host:
        body = json.dumps({**ask, "model": "gate"})
        stopped = post(host, body, json_type, target="/chat/completions")
        assert b"--stream-idle-timeout" in stopped.body
        body = json.dumps({**ask, "model": "parrot"})
        assert post(host, body, json_type, target="/chat/completions").status == 200
        assert notes(folder) == []  # it was not closed, but killed


def test_options_that_do_not_go_together(folder: Path) -> None:
    """The process does one call at a time, and has no client of monitoring to give to a hook."""
    told = {
        "deployment_id": "d",
        "model_id": "m",
        "webserver": "http://localhost",
        "api_token": "t",
    }
    for more in ({"max_concurrency": 2}, {"monitor_embedded": True, **told}):
        with pytest.raises(OptionError, match="isolate"):
            ServerOptions(code_dir=folder, isolate="process", **more)


def _without_id(body: bytes) -> bytes:
    """What is answered, without the id of its request."""
    return re.sub(rb'"request_id":"[^"]*"', b"", body)
