"""The real command, in a process of its own, with an environment that says nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

_OF_DRUM = (
    "MLOPS_",
    "CODE_DIR",
    "TARGET_",
    "CLASS_",
    "POSITIVE_",
    "NEGATIVE_",
    "ADDRESS",
    "MAX_WORKERS",
    "URL_PREFIX",
    "SHOW_STACKTRACE",
    "MONITOR",
    "NO_COLOR",
    "FORCE_COLOR",
    "COLUMNS",
)


@pytest.fixture(scope="session")
def environ() -> Mapping[str, str]:
    """The environment without the variables that mean something to the command."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OF_DRUM)} | {
        "TERM": "xterm-256color",
        "PYTHONWARNINGS": "error",
    }


@pytest.fixture
def drum(
    environ: Mapping[str, str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `drum` with some words, in `tmp_path`; keyword arguments are variables."""

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "drum_core", *words],
            env={**environ, **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def drum_on_terminal(environ: Mapping[str, str], tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Runs `drum` on a pseudo terminal; gives its exit status and what it shows.

    Once it shows `until`, it gets what Ctrl-C sends.
    """

    def run(*words: str, until: bytes = b"", **variables: str) -> tuple[int, str]:
        ours, theirs = os.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "drum_core", *words],
            env={**environ, "COLUMNS": "100", **variables},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        guard = threading.Timer(60, process.kill)
        guard.start()
        shown = b""
        try:
            while block := _read(ours):
                shown += block
                if until and until in shown:
                    process.send_signal(signal.SIGINT)
                    until = b""
            return process.wait(timeout=60), shown.decode().replace("\r\n", "\n")
        finally:
            guard.cancel()
            process.kill()
            process.wait()
            os.close(ours)

    return run


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # The other side has closed the terminal.
        return b""
