"""The script that a container runs, run for real: it serves, is probed, and drains."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drum_core import CMRunner, DrumRuntime, NewEnvOptions
from tests.model_folders import DOUBLE, make_folder

SECONDS = 60


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The folder that `drum new env` makes of a model."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    with DrumRuntime(NewEnvOptions(code_dir=folder)) as runtime:
        return CMRunner(runtime).run().output


def _environ(made: Path, address: str) -> dict[str, str]:
    """The variables that the Dockerfile sets, for this machine."""
    (made / "tmp").mkdir(exist_ok=True)
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "HOME": str(made / "tmp"),
        "CODE_DIR": str(made / "model"),
        "ADDRESS": address,
        "HTTP_PROXY": "http://127.0.0.1:9",
    }


@contextmanager
def _started(made: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The script's process, and the port it listens on."""
    log = made / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(made / "start_server.sh"), *words],
            env=_environ(made, "127.0.0.1:0"),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process, _port(log, process)
    finally:
        process.kill()
        process.wait()


def _port(log: Path, process: subprocess.Popen[bytes]) -> int:
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends and process.poll() is None:
        if found := re.search(r"Listening on http://127\.0\.0\.1:(\d+)", log.read_text()):
            return int(found[1])
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def _status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _wait_for(port: int, path: str, status: int) -> None:
    ends = time.monotonic() + SECONDS
    while _status(port, path) != status:
        assert time.monotonic() < ends, f"{path} is never {status}"
        time.sleep(0.05)


def _healthy(made: Path, port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(made / "health_check.py")],
        env=_environ(made, f"0.0.0.0:{port}"),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_the_script_serves_and_drains(made: Path) -> None:
    """It becomes the server: probes and health check answer, and SIGTERM drains it to status 0."""
    with _started(made, "--drain-delay", "3", "--graceful-timeout", "5") as (process, port):
        for path in ("/startupz", "/readyz"):
            _wait_for(port, path, 200)
        assert _status(port, "/livez") == 200
        found = _healthy(made, port)
        assert found.returncode == 0, found.stderr
        # The shell is gone: the process that gets the signal is the server itself.
        assert b"drum" in Path(f"/proc/{process.pid}/cmdline").read_bytes()
        process.send_signal(signal.SIGTERM)
        _wait_for(port, "/readyz", 503)
        assert _status(port, "/livez") == 200
        sick = _healthy(made, port)
        assert sick.returncode == 1
        assert "503" in sick.stderr
        assert process.wait(timeout=SECONDS) == 0


def test_nothing_that_listens_is_not_healthy(made: Path) -> None:
    """The health check of a server that is not there fails with one line."""
    found = _healthy(made, 1)
    assert found.returncode == 1
    assert re.fullmatch(r"http://127\.0\.0\.1:1/readyz: .*refused.*\n", found.stderr)
