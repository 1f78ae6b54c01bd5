"""How servers end: signals, drains, exit statuses, and nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.web.live import is_alive, live, wait_until

SERVERS = ("uvicorn", "werkzeug", "gunicorn")
both_sizes = pytest.mark.parametrize("workers", [1, 2])
each_server = pytest.mark.parametrize("server", SERVERS)


@each_server
@both_sizes
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_with_status_0(
    server: str, workers: int, number: signal.Signals, tmp_path: Path
) -> None:
    """SIGTERM and SIGINT end a server with 0, each worker stopped, then cleaned up, once."""
    with live(server, tmp_path, workers=workers) as running:
        assert running.ask("GET", "/ping") == (200, b"pong")
        pids = running.workers()
        assert running.end(number) == 0, running.log
        ends = [line for line in running.notes.lines() if line in ("stop", "cleanup")]
        assert sorted(ends) == sorted(["stop", "cleanup"] * workers)
        assert ends[0] == "stop"
        assert not any(is_alive(pid) for pid in pids)
        assert "Traceback" not in running.log


@each_server
@both_sizes
def test_signal_to_whole_group(server: str, workers: int, tmp_path: Path) -> None:
    """Ctrl-C reaches master and workers at once; they drain and end with 0 all the same."""
    with live(server, tmp_path, workers=workers) as running:
        answers: list[tuple[int, bytes]] = []
        client = threading.Thread(target=lambda: answers.append(running.ask("POST", "/slow", b"1")))
        client.start()
        wait_until(lambda: "slow started" in running.notes.lines())
        os.killpg(running.process.pid, signal.SIGINT)
        assert running.process.wait(15) == 0, running.log
        client.join(15)
        assert answers == [(200, b"done")]
        assert "Traceback" not in running.log


@each_server
@both_sizes
def test_running_request_is_drained(server: str, workers: int, tmp_path: Path) -> None:
    """A request that runs when SIGTERM comes is answered; the stop callbacks run before its end."""
    with live(server, tmp_path, workers=workers) as running:
        answers: list[tuple[int, bytes]] = []

        def ask() -> None:
            answers.append(running.ask("POST", "/slow", b"1.5"))
            running.notes.add("answered")

        client = threading.Thread(target=ask)
        client.start()
        wait_until(lambda: "slow started" in running.notes.lines())
        assert running.end() == 0, running.log
        client.join(15)
        assert answers == [(200, b"done")]
        notes = running.notes.lines()
        assert notes.index("stop") < notes.index("answered")


@each_server
@both_sizes
def test_drain_is_bounded(server: str, workers: int, tmp_path: Path) -> None:
    """A request that would run for a minute is given up after the graceful timeout."""
    with live(server, tmp_path, workers=workers, grace=1) as running:
        pids = running.workers()
        with running.connect() as sock:
            sock.sendall(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n60")
            wait_until(lambda: "slow started" in running.notes.lines())
            start = time.monotonic()
            assert running.end() == 0, running.log
            assert time.monotonic() - start < 8
        assert not any(is_alive(pid) for pid in pids)


@each_server
@both_sizes
def test_sigterm_while_loading(server: str, workers: int, tmp_path: Path) -> None:
    """SIGTERM in the middle of loading a model ends promptly, with 0."""
    with live(server, tmp_path, "load", workers=workers) as running:
        start = time.monotonic()
        assert running.end() == 0, running.log
        assert time.monotonic() - start < 6


@each_server
@both_sizes
def test_failed_load_ends_with_status_1(server: str, workers: int, tmp_path: Path) -> None:
    """A worker that says it can never work ends the server with 1, and is not started anew."""
    with live(server, tmp_path, "fail", workers=workers, ready=False) as running:
        assert running.process.wait(20) == 1, running.log
        assert "cannot serve its model (RuntimeError)" in running.log
        assert sum("assembled" in line for line in running.notes.lines()) <= workers
        assert not running.workers()


@each_server
@both_sizes
def test_refused_folder_ends_with_status_1(server: str, workers: int, tmp_path: Path) -> None:
    """An error while the application is assembled ends the server with 1 and one line."""
    with live(server, tmp_path, "refuse", workers=workers, ready=False) as running:
        assert running.process.wait(20) == 1, running.log
        assert "this folder is refused" in running.log
        assert "Traceback" not in running.log
        assert not running.workers()


@each_server
def test_dead_worker_is_replaced(server: str, tmp_path: Path) -> None:
    """A worker that dies is replaced, and its death is logged; the other one goes on."""
    with live(server, tmp_path, workers=2) as running:
        before = running.workers()
        with running.connect() as sock:
            sock.sendall(b"POST /crash HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            sock.recv(100)
        wait_until(lambda: len(running.workers()) == 2 and running.workers() != before)
        assert running.ask("GET", "/ping") == (200, b"pong")
        assert "9" in running.log
        assert running.end() == 0, running.log


@each_server
def test_worker_that_dies_again_and_again(server: str, tmp_path: Path) -> None:
    """Workers that die at each start are given up: status 1, no endless loop."""
    with live(server, tmp_path, "die", workers=2, ready=False) as running:
        assert running.process.wait(60) == 1, running.log
        assert not running.workers()


@each_server
def test_killed_parent_leaves_nothing(server: str, tmp_path: Path) -> None:
    """When the parent is killed, every process it has started ends, and the port is free."""
    with live(server, tmp_path, workers=2) as running:
        port = running.port
        family = psutil.Process(running.process.pid).children(recursive=True)
        assert len(family) >= 2
        running.process.kill()
        running.process.wait(5)
        wait_until(lambda: not any(is_alive(process.pid) for process in family), 10)
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", port))


@each_server
def test_port_in_use(server: str, tmp_path: Path) -> None:
    """A port that is in use is an error of one line, and status 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with live(server, tmp_path, port=port, ready=False) as running:
            assert running.process.wait(20) == 1
            assert running.log.count("\n") == 1
            assert f"127.0.0.1:{port}: the port is in use" in running.log
