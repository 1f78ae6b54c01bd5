"""`drum server` in a process of its own, as an operator starts it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.web.live import receive_all

ROOT = Path(__file__).parents[2]
SERVERS = ("uvicorn", "gunicorn", "werkzeug")


@dataclass(frozen=True)
class Operated:
    """A server that listens."""

    process: subprocess.Popen[bytes]
    log_file: Path
    port: int

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self.log_file.read_text(errors="replace")

    def raw(self, request: bytes) -> bytes:
        """All that comes back for these bytes, until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=15) as sock:
            sock.sendall(request)
            return receive_all(sock)


def command(folder: Path, words: Sequence[str]) -> list[str]:
    """`drum server` on a free port."""
    base = [sys.executable, "-m", "drum_core", "server", "-cd", str(folder)]
    return [*base, "--address", "127.0.0.1:0", "--logging-level", "info", *words]


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process, with more."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **environ}


@contextmanager
def operated(
    folder: Path,
    words: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    *,
    log: Path,
) -> Iterator[Operated]:
    """Runs it until the end of the block; its model may still be loading."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command(folder, words),
            env=variables(environ or {}),
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield Operated(process, log, _port(process, log))
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    until = time.monotonic() + 40
    while time.monotonic() < until:
        found = re.search(r"Listening on https?://[^:\s]+:(\d+)", log.read_text(errors="replace"))
        if found:
            return int(found[1])
        assert process.poll() is None, log.read_text()
        time.sleep(0.02)
    raise AssertionError(f"it did not listen in time:\n{log.read_text()}")
