"""Workers that die, grow old or are told to end, on every server: nobody's request is lost."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import psutil
import pytest

from drum_core.child_server import ChildServer, child_server
from tests.model_folders import make_folder

SERVERS = ("werkzeug", "gunicorn", "uvicorn")

CUSTOM = """
    import os, pathlib, time
    import pandas as pd

    def load_model(code_dir):
        if pathlib.Path(code_dir, "slow").exists():
            time.sleep(3)
        return 1

    def score(data, model, **kwargs):
        if "wait" in data:
            pathlib.Path(__file__).with_name("busy").write_text(str(os.getpid()))
            time.sleep(float(data["wait"].iloc[0]))
        return pd.DataFrame({"Predictions": [float(os.getpid())] * len(data)})
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model that predicts the process that it is in; the column wait makes it slow."""
    return make_folder(tmp_path / "m", custom=CUSTOM)


@contextmanager
def served(folder: Path, server: str, *words: str) -> Iterator[ChildServer]:
    """`drum server` on a free port."""
    code_dir = f"--code-dir={folder}"
    with child_server([code_dir, "--server", server, *words], ready_seconds=90) as child:
        yield child


def predict(child: ChildServer, body: bytes = b"x\n1\n", request_id: str = "t") -> httpx.Response:
    """One prediction, on a connection of its own."""
    headers = {**child.headers, "Content-Type": "text/csv", "X-Request-ID": request_id}
    return httpx.post(f"{child.url}/predict/", content=body, headers=headers, timeout=30)


def pid_of(answer: httpx.Response) -> int:
    """The process that answered."""
    assert answer.status_code == 200, answer.text
    return int(answer.json()["predictions"][0])


def until(true: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Waits until something is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


def deaths(child: ChildServer) -> list[dict[str, object]]:
    """The JSON lines about workers that died."""
    found = re.findall(r'\{"event": "worker_died".*\}', child.log.read_text())
    return [json.loads(line) for line in found]


@pytest.mark.parametrize("server", SERVERS)
def test_cause_of_death_is_told(folder: Path, server: str) -> None:
    """A worker killed in a request leaves one JSON line that names the request; it is replaced."""
    with served(folder, server, "--max-workers", "2") as child:
        answers: list[object] = []

        def ask() -> None:
            try:
                answers.append(predict(child, b"x,wait\n1,20\n", "the-last-one"))
            except httpx.TransportError as error:
                answers.append(error)

        running = threading.Thread(target=ask)
        running.start()
        until((folder / "busy").exists, "the slow request")
        time.sleep(0.2)
        busy = int((folder / "busy").read_text())
        os.kill(busy, signal.SIGKILL)
        until(lambda: deaths(child), "the line about the death")
        (death,) = deaths(child)
        assert death["pid"] == busy
        assert (death["signal"], death["exit_status"]) == ("SIGKILL", None)
        assert death["last_request_id"] == "the-last-one"
        assert death["running_requests"] == 1
        assert isinstance(death["peak_memory_bytes"], int)
        assert death["peak_memory_bytes"] > 10_000_000
        assert isinstance(death["uptime_seconds"], float)
        assert death["deaths"] == 1
        running.join(30)
        assert isinstance(answers[0], httpx.TransportError)
        until(lambda: len(_workers(child)) == 2, "another worker")
        assert pid_of(predict(child)) != busy


@pytest.mark.parametrize("server", SERVERS)
def test_old_workers_are_replaced(folder: Path, server: str) -> None:
    """After its number of requests a worker is replaced by one that is ready before it ends."""
    with served(folder, server, "--max-requests", "3") as child:
        (folder / "slow").touch()  # the next one loads for a while, and is not asked meanwhile
        first = pid_of(predict(child))
        pids = {first}

        def another() -> bool:
            pids.add(pid_of(predict(child)))  # each of them is answered
            return len(pids) > 1

        until(another, "an answer of another process")
        until(lambda: not psutil.pid_exists(first), "the end of the first")
        assert deaths(child) == []


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_balancers_have_time_to_learn(folder: Path, server: str, workers: str) -> None:
    """With a drain delay, new requests are served after SIGTERM, while /readyz says 503."""
    with served(folder, server, "--drain-delay", "6", "--max-workers", workers) as child:
        ready: set[object] = set()

        def all_ready() -> bool:
            answer = predict(child)
            if answer.status_code == 200:
                ready.add(pid_of(answer))
            return len(ready) == int(workers)

        until(all_ready, "a prediction of every worker")
        os.kill(child.pid, signal.SIGTERM)
        until(
            lambda: httpx.get(f"{child.url}/readyz", timeout=5).status_code == 503,
            "unreadiness",
            seconds=5,
        )
        assert predict(child).status_code == 200
        until(lambda: child.exit_status() is not None, "the end")
        assert child.exit_status() == 0


@pytest.mark.parametrize("server", SERVERS)
def test_no_accepted_request_is_lost(folder: Path, server: str) -> None:
    """SIGTERM under load: every request that was accepted is answered, by 200 or by 503."""
    with served(folder, server) as child:
        stop = threading.Event()
        lost: list[str] = []
        statuses: list[int] = []

        def ask() -> None:
            headers = {**child.headers, "Content-Type": "text/csv"}
            with httpx.Client(headers=headers, timeout=30) as client:
                while not stop.is_set():
                    try:
                        answer = client.post(f"{child.url}/predict/", content=b"x\n1\n")
                        statuses.append(answer.status_code)
                    except httpx.ConnectError:
                        return  # it does not listen any more: nothing was accepted
                    except httpx.TransportError as error:
                        lost.append(repr(error))
                        return

        clients = [threading.Thread(target=ask) for _ in range(20)]
        for client in clients:
            client.start()
        until(lambda: len(statuses) > 100, "answers")
        os.kill(child.pid, signal.SIGTERM)
        until(lambda: child.exit_status() is not None, "the end")
        stop.set()
        for client in clients:
            client.join(30)
        assert lost == []
        assert set(statuses) <= {200, 503}
        assert child.exit_status() == 0


def _workers(child: ChildServer) -> list[psutil.Process]:
    """The processes below the server that are no helpers of Python's."""
    below = psutil.Process(child.pid).children(recursive=True)
    alive = [process for process in below if process.status() != psutil.STATUS_ZOMBIE]
    return [process for process in alive if "resource_tracker" not in " ".join(process.cmdline())]
