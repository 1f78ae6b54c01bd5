"""A server under measurement, in a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["served"]

SECONDS = 60.0


@contextmanager
def served(code: str, words: Sequence[str], log: Path, *, ready: str) -> Iterator[int]:
    """Runs Python `code` with arguments; the port, once `ready` answers 200 there."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *words], stdout=output, stderr=output
        )
    try:
        yield _port(process, log, ready)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


def _port(process: subprocess.Popen[bytes], log: Path, ready: str) -> int:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(
            r"(?:Listening|running) on http://127\.0\.0\.1:(\d+)", log.read_text()
        ):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}{ready}", timeout=5):
                    return int(found[1])
            except (urllib.error.URLError, ConnectionError):
                pass
        time.sleep(0.05)
    raise SystemExit(f"the server did not become ready:\n{log.read_text()}")
