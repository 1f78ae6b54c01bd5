"""Progress of a run: rows on a terminal, lines in a pipe."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from rich.console import Console

from drum_core import CMRunner, DrumRuntime, ScoreOptions
from drum_core.cli.amounts import amount, duration, rate
from drum_core.cli.bars import TerminalProgress
from drum_core.progress import Progress
from tests.model_folders import DOUBLE, make_folder
from tests.progress_recorder import Recorder

SECRET: Final = "s3cret-of-the-model"
TALKING: Final = """
import logging, sys, time
import pandas as pd

def load_model(code_dir):
    return 2

def score(data, model, **kwargs):
    print("a hook prints, and so does", "{secret}")
    print("[bold]no markup[/bold] " + "x" * 150)
    print("50 %\\r100 %", file=sys.stderr)
    logging.getLogger("of.the.hook").warning("a record")
    sys.stderr.write("a line without its end")
    time.sleep(0.3)
    return pd.DataFrame({{"Predictions": data["x"] * model}})
"""
ROWS: Final = "x\n" + "1\n" * 3


def _text(shown: str) -> str:
    """What is shown, without colours, movements of the cursor and rows that were wiped."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    return "\n".join(line.rpartition("\r")[2] for line in plain.split("\n"))


@pytest.fixture
def talking(tmp_path: Path) -> Path:
    """A model folder whose hook prints, with a secret that is known to be one."""
    (tmp_path / "rows.csv").write_text(ROWS)
    folder = make_folder(tmp_path / "m", custom=TALKING.format(secret=SECRET))
    with (folder / "model-metadata.yaml").open("a") as metadata:
        metadata.write("runtimeParameterDefinitions:\n- fieldName: key\n  type: credential\n")
    return folder


def _credential() -> dict[str, str]:
    payload = f'{{"credentialType": "api_token", "apiToken": "{SECRET}"}}'
    return {"MLOPS_RUNTIME_PARAM_key": f'{{"type": "credential", "payload": {payload}}}'}


@pytest.mark.usefixtures("talking")
def test_a_terminal_shows_what_is_being_done(
    drum_on_terminal: Callable[..., tuple[int, str]],
) -> None:
    """Each step of a score is named while it goes on, with its length, and vanishes afterwards."""
    words = ("score", "-cd", "m", "--input", "rows.csv", "--output", "out.csv")
    status, shown = drum_on_terminal(*words, **_credential())
    assert status == 0, shown
    for step in ("Loading the model", "Reading rows.csv", "Scoring rows.csv, 4 lines"):
        assert step in shown
    *_, begun, last = _text(shown).strip().splitlines()
    assert begun.rstrip() == "a line without its end"
    assert last.startswith("Wrote 3 rows to")


@pytest.mark.usefixtures("talking")
def test_what_is_printed_is_above_the_rows_and_masked(
    drum_on_terminal: Callable[..., tuple[int, str]],
) -> None:
    """What hooks print and log stays readable, each line whole, and secrets stay secret."""
    words = ("score", "-cd", "m", "--input", "rows.csv", "--output", "out.csv")
    status, shown = drum_on_terminal(*words, **_credential())
    assert status == 0, shown
    lines = [line.rstrip() for line in _text(shown).splitlines()]
    assert "a hook prints, and so does *****" in lines
    assert "[bold]no markup[/bold] " + "x" * 150 in lines
    assert "100 %" in lines
    assert any(line.endswith("WARNING of.the.hook: a record") for line in lines)
    assert SECRET not in shown


@pytest.mark.usefixtures("talking")
def test_an_interrupt_gives_the_terminal_back(
    tmp_path: Path, drum_on_terminal: Callable[..., tuple[int, str]]
) -> None:
    """After Ctrl-C in a step the row is gone, the cursor is back, and nothing is written."""
    words = ("score", "-cd", "m", "--input", "rows.csv", "--output", "out.csv")
    status, shown = drum_on_terminal(*words, until=b"Scoring rows.csv", **_credential())
    assert status == 130
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert _text(shown).strip().endswith("drum score: interrupted")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.usefixtures("talking")
def test_a_pipe_gets_lines_only_when_asked(
    drum: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """In a pipe there is no escape code, and no step; with --verbose each step is a line."""
    words = ("score", "-cd", "m", "--input", "rows.csv", "--output", "out.csv")
    quiet, verbose = drum(*words), drum(*words, "--verbose")
    assert (quiet.returncode, verbose.returncode) == (0, 0)
    assert "\x1b" not in quiet.stderr + verbose.stderr
    assert "Loading the model" not in quiet.stderr
    patterns = (
        r"Loading the model: done in [0-9.]+ s",
        r"Reading rows\.csv: 8 B in [0-9.]+ s, [0-9.]+ k?M?B/s",
        r"Scoring rows\.csv, 4 lines: done in [0-9.]+ s",
        r"Writing out\.csv: 3 rows in [0-9.]+ s, [0-9,]+/s",
    )
    for pattern in patterns:
        assert re.search(rf"^(a line without its end)?{pattern}$", verbose.stderr, re.M), pattern


def test_an_embedder_is_told_of_every_row_and_byte(tmp_path: Path) -> None:
    """A score tells its progress the bytes it reads and the rows it writes, and their totals."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    rows = tmp_path / "rows.csv"
    rows.write_text("x\n" + "1\n" * 450_000)
    options = ScoreOptions(code_dir=folder, input=rows, output=tmp_path / "out.csv")
    recorder = Recorder()
    with DrumRuntime(options, progress=recorder) as runtime:
        CMRunner(runtime).run()
    assert recorder.ended == [
        "Loading the model",
        "Reading rows.csv",
        "Scoring rows.csv, 450,001 lines",
        "Writing out.csv",
    ]
    assert recorder.done["Reading rows.csv"] == (900_002, 900_002, "bytes")
    assert recorder.done["Writing out.csv"] == (450_000, 450_000, "rows")
    assert recorder.advances["Writing out.csv"] > 1
    assert (tmp_path / "out.csv").read_text() == "Predictions\n" + "2\n" * 450_000


def test_steps_go_on_at_once_and_within_others() -> None:
    """Steps of several threads, and steps within steps, have a row each at the same time."""
    stream = io.StringIO()
    shown = Console(file=stream, force_terminal=True, width=120, color_system=None)
    progress: Progress = TerminalProgress(shown, None)
    inside, leave = threading.Barrier(3), threading.Event()

    def work(number: int) -> None:
        with progress.task(f"Thread {number}", 100, unit="checks") as advance:
            advance(number * 10)
            inside.wait(timeout=30)
            assert leave.wait(timeout=30)

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2)]
    with progress.phase("Everything"):
        for thread in threads:
            thread.start()
        inside.wait(timeout=30)
        with progress.phase("A part"):
            seen = _wait_for(stream, "Everything", "Thread 1", "Thread 2", "A part")
        leave.set()
        for thread in threads:
            thread.join(timeout=30)
    assert "10 of 100 checks" in seen
    assert "20 of 100 checks" in seen
    assert stream.getvalue().endswith("\x1b[?25h\r"), "the cursor is back, on an empty line"


def _wait_for(stream: io.StringIO, *words: str) -> str:
    """What is shown, once it has all of the words."""
    pause = threading.Event()
    for _ in range(300):
        if all(word in stream.getvalue() for word in words):
            break
        pause.wait(0.05)
    text = stream.getvalue()
    assert all(word in text for word in words), text
    return text


def test_streams_are_put_back() -> None:
    """After the last step the standard streams are those from before, whoever else wraps them."""
    before = sys.stdout, sys.stderr
    progress = TerminalProgress(Console(file=io.StringIO(), force_terminal=True), None)
    with (
        progress.phase("Something"),
        pytest.raises(ValueError, match="within"),
        progress.phase("More"),
    ):
        raise ValueError("within")
    assert (sys.stdout, sys.stderr) == before


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (amount(1234.4, "rows"), "1,234 rows"),
        (amount(999, "bytes"), "999 B"),
        (amount(999_950, "bytes"), "1.0 MB"),
        (amount(45_600_000, "bytes"), "45.6 MB"),
        (rate(312.4, "rows"), "312/s"),
        (rate(1.234, "rows"), "1.2/s"),
        (rate(2e9, "bytes"), "2.0 GB/s"),
        (duration(0.1234), "0.12 s"),
        (duration(12.34), "12.3 s"),
        (duration(125), "2 min 5 s"),
        (duration(7300), "2 h 1 min"),
    ],
)
def test_amounts_are_short(shown: str, expected: str) -> None:
    """Amounts have the precision that a person needs."""
    assert shown == expected
