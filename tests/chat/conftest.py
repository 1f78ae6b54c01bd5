"""Live servers that chat, each started once for all the tests of this folder."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chat.folders import ASYNC, SYNC, chat_folder, notes

SERVERS = ("werkzeug", "gunicorn", "uvicorn")
HOOKS = {"plain": SYNC, "async": ASYNC}


@dataclass(frozen=True)
class ChatServer:
    """A server in a process of its own, ready."""

    url: str
    folder: Path
    hooks: str
    name: str
    log_file: Path

    def noted(self, text: str, seconds: float = 5.0) -> bool:
        """Whether the hooks note `text` in time."""
        until = time.monotonic() + seconds
        while not any(text in line for line in notes(self.folder)):
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def log(self) -> str:
        """What the server has logged."""
        return self.log_file.read_text(errors="replace")


@contextmanager
def chat_server(name: str, folder: Path, hooks: str, *options: str) -> Iterator[ChatServer]:
    """Runs `drum server`, with further options; waits until the model is ready."""
    log = folder.with_suffix(".log")
    code = "import sys; from drum_core.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ["server", "-cd", str(folder), "--address", "127.0.0.1:0", "--server", name]
    words += options
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *words, "--logging-level", "info"],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield ChatServer(_ready(process, log), folder, hooks, name, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _ready(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + 40
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"Listening on (http://127\.0\.0\.1:\d+)", log.read_text())
        if found:
            try:
                with urllib.request.urlopen(f"{found[1]}/readyz", timeout=5):
                    return found[1]
            except (urllib.error.URLError, ConnectionError):
                pass
        time.sleep(0.05)
    raise AssertionError(f"the server did not become ready:\n{log.read_text()}")


@pytest.fixture(
    scope="package",
    params=[(server, hooks) for server in SERVERS for hooks in HOOKS],
    ids=lambda param: "-".join(param),
)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ChatServer]:
    """Each server with plain hooks, and with asynchronous ones."""
    name, hooks = request.param
    folder = chat_folder(tmp_path_factory.mktemp(name) / "model", HOOKS[hooks])
    with chat_server(name, folder, hooks) as running:
        yield running
