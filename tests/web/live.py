"""Starting `live_app` on a server, and looking at its processes."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.web.live_app import Notes

ROOT = Path(__file__).parents[2]
CODE = "import sys; from tests.web.live_app import main; sys.exit(main(*sys.argv[1:]))"


@dataclass(frozen=True)
class Live:
    """A server in a process of its own, in a session of its own."""

    process: subprocess.Popen[bytes]
    folder: Path
    notes: Notes

    @property
    def log(self) -> str:
        """What it has written so far."""
        return (self.folder / "log").read_text()

    @property
    def port(self) -> int:
        """Where it listens."""
        found = re.search(r"drum\.server:Listening on http://127\.0\.0\.1:(\d+)", self.log)
        assert found, self.log
        return int(found[1])

    def workers(self) -> set[int]:
        """The processes that have assembled the application and still live."""
        pids = {int(line.split()[1]) for line in self.notes.lines() if "assembled" in line}
        return {pid for pid in pids if is_alive(pid)}

    def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Status and body of one request on a connection of its own."""
        with self.connect() as sock:
            sock.sendall(
                f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            return parse(receive_all(sock))

    def connect(self) -> socket.socket:
        """A new connection, with a timeout."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=15)

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 15) -> int:
        """Sends a signal and waits; the exit status."""
        self.process.send_signal(number)
        return self.process.wait(seconds)


@contextmanager
def live(
    server: str,
    folder: Path,
    mode: str = "",
    *,
    workers: int = 1,
    port: int = 0,
    grace: int = 5,
    ready: bool = True,
) -> Iterator[Live]:
    """Runs `server`; waits, unless told otherwise, until all workers have assembled."""
    arguments = [server, str(folder), mode, str(workers), str(port), str(grace)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, *arguments],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    running = Live(process, folder, Notes(folder))
    try:
        if ready:
            wait_until(lambda: len(running.workers()) == workers and "Listening" in running.log)
        yield running
    finally:
        family = [process.pid, *running.workers()]
        for pid in family:
            with suppress(psutil.Error):
                psutil.Process(pid).kill()
        process.wait(10)


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Asks until it is so; fails after `seconds`."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def receive_all(sock: socket.socket) -> bytes:
    """Everything until the other side closes."""
    data = b""
    while chunk := sock.recv(65536):
        data += chunk
    return data


def parse(answer: bytes) -> tuple[int, bytes]:
    """Status and body of a whole answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 "), answer
    return int(head[9:12]), body
