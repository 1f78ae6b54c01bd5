"""Completion, in the shells themselves."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from drum_core.cli import main
from drum_core.cli.print_actions import SHELLS

SECONDS: Final = 30
READY: Final = "READY>"

_CODES: Final = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>])|\x07")

TYPED: Final = [
    ("drum serv", "drum server "),
    ("drum new e", "drum new env "),
    ("drum server --gracef", "drum server --graceful-timeout "),
    ("drum server --target-type reg", "--target-type regression "),
    ("drum fit --logging-level crit", "--logging-level critical "),
    ("drum score --code-dir fol", "--code-dir folder/"),
    ("drum score --input fil", "--input file.csv"),
]
"""What is typed before the tabulator, and what the line then ends with."""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The completion script of each shell, as a file."""
    folder = tmp_path_factory.mktemp("completion")
    for shell in SHELLS:
        done = subprocess.run(
            [sys.executable, "-m", "drum_core", "--print-completion", shell],
            capture_output=True,
            timeout=SECONDS,
            check=True,
        )
        (folder / shell).write_bytes(done.stdout)
    return {shell: folder / shell for shell in SHELLS}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a folder and a file to complete, and a command called drum."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.csv").write_text("")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "drum").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "drum").chmod(0o755)
    return tmp_path


def _needed(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    return found


def _environ(place: Path) -> dict[str, str]:
    path = f"{place / 'bin'}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(place), "TERM": "xterm", "LANG": "C.UTF-8"}


class _Terminal:
    """A shell on a pseudo terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, text: str) -> None:
        """Types."""
        os.write(self._descriptor, text.encode())

    def shown_until(self, words: str) -> str:
        """What the shell shows until then, without escape codes."""
        shown, text, ends = b"", "", time.monotonic() + SECONDS
        while time.monotonic() < ends:
            if select.select([self._descriptor], [], [], 0.2)[0]:
                shown += os.read(self._descriptor, 65536)
            text = re.sub(
                r"\x1b(\[[0-9;?]*[A-Za-z]|[=>])|\x07", "", shown.decode("utf-8", "replace")
            )
            if words in text:
                return text
        raise AssertionError(f"{words!r} never came: {text!r}")


@contextmanager
def _interactive(words: list[str], place: Path) -> Iterator[_Terminal]:
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        words,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=place,
        env=_environ(place),
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield _Terminal(ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_bash_completes(script: Mapping[str, Path], place: Path) -> None:
    """bash completes commands, flags, choices, folders and files on the tabulator."""
    with _interactive([_needed("bash"), "--norc", "--noprofile", "-i"], place) as shell:
        shell.send(f"PS1='{READY[:2]}''{READY[2:]}'; source {script['bash']}\r")
        shell.shown_until(READY)
        for typed, expected in TYPED:
            shell.send(f"\x15{typed}\t")
            shell.shown_until(expected)


def test_zsh_completes(script: Mapping[str, Path], place: Path) -> None:
    """zsh, which finds the script among its functions, completes the same."""
    with _interactive([_needed("zsh"), "-f", "-i"], place) as shell:
        (place / "_drum").write_bytes(script["zsh"].read_bytes())
        shell.send("fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -d zcompdump\r")
        shell.send(f"PS1='{READY[:2]}''{READY[2:]}'\r")
        shell.shown_until(READY)
        for typed, expected in TYPED:
            shell.send(f"\x15{typed}\t")
            shell.shown_until(expected)


def test_fish_completes(script: Mapping[str, Path], place: Path) -> None:
    """fish, asked as its tabulator asks, gives commands, flags, choices, folders and files."""
    fish = _needed("fish")
    for typed, expected in TYPED:
        asked = f"source {script['fish']}; complete --do-complete '{typed}'"
        done = subprocess.run(
            [fish, "--no-config", "--command", asked],
            cwd=place,
            env=_environ(place),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
        offered = [line.partition("\t")[0] for line in done.stdout.splitlines()]
        assert expected.split()[-1] in offered, typed


def test_fish_explains(script: Mapping[str, Path], place: Path) -> None:
    """In fish each flag comes with what it does; those of other commands are not offered."""
    asked = f"source {script['fish']}; complete --do-complete 'drum score --'"
    done = subprocess.run(
        [_needed("fish"), "--no-config", "--command", asked],
        cwd=place,
        env=_environ(place),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    offered = dict(line.partition("\t")[::2] for line in done.stdout.splitlines())
    assert offered["--input"].startswith("the data to score")
    assert "--address" not in offered


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_is_named_in_the_help(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The help of the flag names the shells that there is a completion for."""
    assert main(["--help"]) == 0
    assert shell in capsys.readouterr().out.partition("--print-completion")[2]
