"""`--probe-address`: probes are answered while nothing else can run in any worker."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import psutil
import pytest

from drum_core.child_server import ChildServer, child_server
from drum_core.scoreboard import CardState, Scoreboard, WorkerRecord
from drum_web.servers.probe_answers import probe_answer
from tests.model_folders import make_folder
from tests.web.live import is_alive, wait_until

CUSTOM = """
    import ctypes, os, pathlib, time
    import pandas as pd

    def load_model(code_dir):
        return 1

    def score(data, model, **kwargs):
        if "hold" in data:
            pathlib.Path(__file__).with_name("holder").write_text(str(os.getpid()))
            ctypes.PyDLL(None).usleep(int(data["hold"].iloc[0]))
        return pd.DataFrame({"Predictions": [1.0] * len(data)})
"""
"""A call through PyDLL keeps the interpreter to itself, as a careless C extension does."""


@contextmanager
def served(tmp_path: Path, *words: str) -> Iterator[tuple[ChildServer, str, Path]]:
    """A server, the URL of its probes, and where the model writes which process holds Python."""
    folder = make_folder(tmp_path / "m", custom=CUSTOM)
    line = [f"--code-dir={folder}", "--probe-address=127.0.0.1:0", *words]
    with child_server(line, ready_seconds=90) as child:
        found = re.search(r"Answering probes on (http://\S+)", child.log.read_text())
        assert found
        yield child, found[1], folder / "holder"


def hold(child: ChildServer, seconds: float) -> threading.Thread:
    """Asks for a prediction during which no Python runs in its worker."""

    def ask() -> None:
        body = f"x,hold\n1,{seconds * 1e6:.0f}\n".encode()
        headers = {**child.headers, "Content-Type": "text/csv"}
        answer = httpx.post(f"{child.url}/predict/", content=body, headers=headers, timeout=60)
        assert answer.status_code == 200

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def states(probes: str) -> list[str]:
    """What the workers are said to be."""
    workers = httpx.get(f"{probes}/readyz?verbose", timeout=5).json()["workers"]
    return [worker["state"] for worker in workers]


@pytest.mark.parametrize("server", ["werkzeug", "gunicorn", "uvicorn"])
@pytest.mark.parametrize("workers", [1, 2])
def test_probes_are_answered_while_python_cannot_run(
    tmp_path: Path, server: str, workers: int
) -> None:
    """The worker that hangs is named, its stacks are in the log, and it is well again afterwards.

    Alone, it makes the server dead and unready; beside another it does not.
    """
    words = ("--server", server, "--max-workers", str(workers), "--hang-timeout", "1")
    with served(tmp_path, *words) as (child, probes, holder):
        wait_until(lambda: states(probes) == ["ready"] * workers)
        running = hold(child, 3.0)
        wait_until(holder.exists)
        pid = int(holder.read_text())

        def named() -> bool:
            answer = httpx.get(f"{probes}/livez?verbose", timeout=5)
            (card,) = (card for card in answer.json()["workers"] if card["pid"] == pid)
            hangs = "has not run" in (card["reason"] or "")
            if hangs:
                assert card["requests"] == 1
                dead = 503 if workers == 1 else 200
                assert answer.status_code == dead
                assert httpx.get(f"{probes}/readyz", timeout=5).status_code == dead
            return hangs

        wait_until(named)
        running.join(30)
        wait_until(lambda: httpx.get(f"{probes}/readyz").status_code == 200)
        stacks = child.log.read_text()
        assert "Timeout (0:00:01)!" in stacks
        assert "in score" in stacks
        os.kill(child.pid, signal.SIGUSR2)
        wait_until(lambda: "Current thread" in child.log.read_text())
        wait_until(lambda: httpx.get(f"{child.url}/livez").status_code == 200)
        child_pids = {process.pid for process in psutil.Process(child.pid).children()}
        os.kill(child.pid, signal.SIGTERM)
        wait_until(lambda: child.exit_status() == 0)
        wait_until(lambda: not any(map(is_alive, child_pids)))


def test_the_process_goes_with_its_server_and_comes_back_before(tmp_path: Path) -> None:
    """When it is killed another takes its place; when the server is killed it ends."""
    with served(tmp_path) as (child, probes, _):
        wait_until(lambda: httpx.get(f"{probes}/readyz").status_code == 200)
        (first,) = psutil.Process(child.pid).children()
        first.kill()
        wait_until(lambda: [p.pid for p in psutil.Process(child.pid).children()] != [first.pid])
        assert httpx.get(f"{probes}/livez", timeout=20).status_code == 200
        (second,) = psutil.Process(child.pid).children()
        os.kill(child.pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(second.pid))


def test_it_answers_nothing_but_probes(tmp_path: Path) -> None:
    """404 and 405 have the envelope of the server; HEAD has no body; what is no HTTP is 400."""
    with served(tmp_path) as (child, probes, _):
        answer = httpx.get(f"{probes}/info/", headers={"X-Request-ID": "mine"})
        assert answer.status_code == 404
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"] == "mine"
        assert "Server" not in answer.headers
        answer = httpx.post(f"{probes}/livez", content=b"x")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
        answer = httpx.head(f"{probes}/livez/")
        assert (answer.status_code, answer.content) == (200, b"")
        host, port = probes.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as sock:
            sock.sendall(b"\0\1\2\r\n\r\n")
            assert b" 400 " in sock.recv(4096).splitlines()[0]
        assert child.exit_status() is None


def test_a_port_that_is_taken_names_the_option(tmp_path: Path) -> None:
    """The server does not start without the probes it was asked for."""
    folder = make_folder(tmp_path / "m", custom=CUSTOM)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = [f"--code-dir={folder}", f"--probe-address=127.0.0.1:{taken.getsockname()[1]}"]
        with pytest.raises(Exception, match="--probe-address"), child_server(words):
            pass


def record(state: CardState, *, overdue: int = 0, beat: float = 100.0) -> WorkerRecord:
    """What a card says that a worker wrote."""
    scoreboard = Scoreboard(1)
    card = scoreboard.card(0)
    card.take()
    card.turn(state)
    card.overdue(overdue, 2)
    found = scoreboard.record(0)
    scoreboard.close()
    values = {name: getattr(found, name) for name in WorkerRecord.__slots__}
    return WorkerRecord(**{**values, "beat": beat})


LIVE, READY, HEALTH, STARTED, PING = "/livez", "/readyz", "/health", "/startupz", "/ping"


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], {LIVE: 200, READY: 503, HEALTH: 503, STARTED: 503, PING: 503}),
        (
            [record(CardState.LOADING, beat=1.0)],
            {LIVE: 200, READY: 503, HEALTH: 503, STARTED: 503, PING: 503},
        ),
        ([record(CardState.READY)], {LIVE: 200, READY: 200, HEALTH: 200, STARTED: 200, PING: 200}),
        (
            [record(CardState.DRAINING)],
            {LIVE: 200, READY: 503, HEALTH: 503, STARTED: 200, PING: 200},
        ),
        (
            [record(CardState.FAILED)],
            {LIVE: 200, READY: 503, HEALTH: 513, STARTED: 503, PING: 513},
        ),
        (
            [record(CardState.READY, overdue=2)],
            {LIVE: 200, READY: 503, HEALTH: 503, STARTED: 200, PING: 200},
        ),
        (
            [record(CardState.READY, beat=1.0)],
            {LIVE: 503, READY: 503, HEALTH: 503, STARTED: 200, PING: 200},
        ),
        (
            [record(CardState.READY, beat=1.0), record(CardState.READY)],
            {LIVE: 200, READY: 200, HEALTH: 200, STARTED: 200, PING: 200},
        ),
    ],
)
def test_what_cards_mean(records: list[WorkerRecord], expected: dict[str, int]) -> None:
    """The table is that of the server itself; a silent worker is neither live nor ready."""
    for path, status in expected.items():
        got, content = probe_answer(path, records, now=100.5, hang_seconds=60, verbose=True)
        assert got == status, path
        assert (content["message"] == "OK") == (status == 200)
        json.dumps(content)
    got, _ = probe_answer(LIVE, records, now=100.5, hang_seconds=0, verbose=False)
    assert got == 200
