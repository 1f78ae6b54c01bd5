"""Running a server as it is run for real: in a process of its own, on a port of loopback."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from drum_core.options.server import ServerSettings
from drum_core.protocols import Assemble, Serve
from drum_core.registry import import_object

__all__ = ["LiveServer", "live_server"]

_LISTENING = re.compile(r"[Ll]istening (?:on|at):? https?://\S*?:(\d+)")
_SUITE = "drum_core.testing.suite_routes:assemble_suite"
_CODE = "import sys; from drum_core.testing.live import _serve; sys.exit(_serve(*sys.argv[1:]))"


@dataclass(frozen=True, slots=True)
class LiveServer:
    """A server that listens on `port` of 127.0.0.1."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def terminate(self, seconds: float = 10.0) -> int:
        """Sends SIGTERM and waits; the exit status. Raises `TimeoutExpired`."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


@contextmanager
def live_server(
    serve: str, *, assemble: str = _SUITE, startup_seconds: float = 30.0
) -> Iterator[LiveServer]:
    """Runs `serve`, a `Serve`, with `assemble`, an `Assemble`, both named as `"module:name"`.

    The server must log `Listening on http://HOST:PORT` once it does. It is terminated at the end,
    with all that it started. Raises `AssertionError` with its log when it does not come up.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-c", _CODE, serve, assemble],
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        try:
            yield LiveServer(_port(process, log, startup_seconds), process, log)
        finally:
            _end(process)


def _port(process: subprocess.Popen[bytes], log: Path, seconds: float) -> int:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = _LISTENING.search(log.read_text(errors="replace"))
        if found:
            return int(found[1])
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise AssertionError(
        f"the server did not say where it listens (exit status {process.poll()}); its log:\n"
        + log.read_text(errors="replace")
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asks nicely, then ends the whole session that the server was given."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(5)


def _serve(serve: str, assemble: str) -> int:
    """What runs in the process of the server."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    run = cast(Serve, import_object(serve, purpose="This server"))
    put = cast(Assemble, import_object(assemble, purpose="This application"))
    settings = ServerSettings(host="127.0.0.1", port=0, graceful_timeout=3, logging_level="info")
    return run(settings, put)
