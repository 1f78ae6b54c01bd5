"""`drum fit` as a command: what it prints, its exit statuses, and its end by a signal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
import pytest

from drum_core.cli import main
from tests.fit.folders import rows_file, task_folder

PRINTS = """\
    import os, sys
    import pandas as pd
    print("imported")

    def fit(X, y, output_dir, **kwargs):
        print("fitting")
        os.system("echo from a shell")
        open(output_dir + "/model.txt", "w").close()

    def load_model(code_dir):
        return 1

    def score(data, model, **kwargs):
        print("scoring")
        return pd.DataFrame({"Predictions": data["a"] * model})
    """
SLEEPS = """\
    import subprocess, sys, time

    def fit(X, y, output_dir, **kwargs):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        with open(output_dir + "/model.txt", "w") as file:
            file.write(str(child.pid))
        time.sleep(600)
    """
SLOW_TO_LOAD = """\
    import os, sys, time

    def fit(X, y, output_dir, **kwargs):
        open(output_dir + "/model.txt", "w").close()

    def load_model(code_dir):
        with open(os.path.join(code_dir, "..", "server"), "w") as file:
            file.write(str(os.getpid()))
        time.sleep(600)

    def score(data, model, **kwargs):
        pass
    """

Drum = Callable[..., subprocess.CompletedProcess[str]]


def words(folder: Path, *more: str) -> list[str]:
    """A fit of the folder on `NUMBERS`."""
    rows = rows_file(folder.parent)
    return ["fit", "-cd", str(folder), "--input", str(rows), "--target", "y", *more]


def test_lines_in_a_pipe(drum: Drum, tmp_path: Path) -> None:
    """DRUM's lines are there, in order, on the standard output; what hooks print is not."""
    folder = task_folder(tmp_path, PRINTS)
    done = drum(*words(folder, "--output", "out", "--verbose"))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    marks = ["Starting Fit", "Fit successful", "Starting Prediction", "Prediction successful"]
    assert [line for line in lines if line in marks] == marks
    assert any(line.startswith("Maximum memory usage of the fit: ") for line in lines)
    assert any(line.startswith("stderr: ") and "Listening on" in line for line in lines)
    assert not {"imported", "fitting", "from a shell"} & set(lines)
    assert {"imported", "fitting", "from a shell"} <= set(done.stderr.splitlines())
    assert "  model.txt " in done.stdout
    assert "Success: the fitted model is in" in done.stdout
    assert "  drum score --code-dir out --input FILE" in lines
    assert "\x1b" not in done.stdout + done.stderr


def test_json_is_alone(drum: Drum, tmp_path: Path) -> None:
    """With --json the report is all of the standard output; the lines are on the other."""
    folder = task_folder(tmp_path, PRINTS)
    done = drum(*words(folder, "--json", "--skip-predict"))
    report = json.loads(done.stdout)
    assert (report["rows"], report["output"], report["check"]) == (6, None, None)
    assert "Starting Fit" in done.stderr


def test_table_on_a_terminal(
    drum_on_terminal: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """On a terminal the files are a table, and the command to go on with is in one piece."""
    folder = task_folder(tmp_path, PRINTS)
    status, shown = drum_on_terminal(*words(folder, "--output", "out", "--skip-predict"))
    assert status == 0
    assert "Starting Fit" in shown
    assert "│ model.txt" in shown
    assert "drum server --code-dir out --address 127.0.0.1:8080" in shown


def test_without_output(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A fit that is not kept says so, and that predictions were not tried."""
    assert main(words(task_folder(tmp_path, PRINTS), "--skip-predict")) == 0
    out = capsys.readouterr().out
    assert "Success: Your model can be fit to your data." in out
    assert "--skip-predict" in out


def test_different_predictions_fail(drum: Drum, tmp_path: Path) -> None:
    """A model that is another after each load ends with 1, and is kept."""
    code = PRINTS.replace("return 1", "import random; return random.random()")
    folder = task_folder(tmp_path, code)
    done = drum(*words(folder, "--output", "out"))
    assert done.returncode == 1
    assert "6 of 6 rows were predicted differently" in done.stdout
    assert "Failed: the predictions of the fitted model cannot be relied on." in done.stdout
    assert "predict twice" in done.stderr
    assert (tmp_path / "out" / "model.txt").is_file()


@pytest.mark.parametrize(
    ("more", "status", "part"),
    [
        (["--target-csv", "rows.csv"], 2, "--target and --target-csv say the same thing"),
        (["--row-weights", "a", "--row-weights-csv", "rows.csv"], 2, "say the same thing"),
        (["--num-rows", "many"], 2, "--num-rows: expected ALL or a whole number"),
        (["--parameter-file", "absent.json"], 2, "--parameter-file: expected an existing file"),
        (["--output", "task"], 1, "code directory may not be used as the output directory"),
        (["--row-weights", "c"], 1, "The column 'c' for the row weights"),
        (["--target-type", "anomaly"], 1, "says anomaly; model-metadata.yaml says regression"),
    ],
)
def test_statuses(
    more: list[str],
    status: int,
    part: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Wrong usage ends with 2, data and folders that do not fit with 1, in one paragraph."""
    folder = task_folder(tmp_path, PRINTS)
    monkeypatch.chdir(tmp_path)
    rows_file(tmp_path)
    assert main(words(folder, *more)) == status
    err = capsys.readouterr().err
    assert part in err
    assert "Traceback" not in err


def test_schema_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Data that do not fit the typeSchema end with 3."""
    more = (
        "typeSchema:\n  input_requirements:\n  - field: number_of_columns\n"
        "    condition: EQUALS\n    value: 3\n"
    )
    folder = task_folder(tmp_path, PRINTS, more=more)
    assert main(words(folder, "--skip-predict")) == 3
    assert "schema validation failed for input" in capsys.readouterr().err


def started(words: list[str], environ: Mapping[str, str], folder: Path) -> subprocess.Popen[str]:
    """The command, running."""
    return subprocess.Popen(
        [sys.executable, "-m", "drum_core", *words],
        env=dict(environ),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def pid_in(folder: Path, pattern: str) -> int:
    """Waits for a file that holds the number of a process."""
    for _ in range(600):
        for path in folder.glob(pattern):
            if text := path.read_text():
                return int(text)
        time.sleep(0.05)
    raise AssertionError(f"no {pattern}")


def is_gone(pid: int) -> bool:
    """Whether a process ends within some seconds; one that nobody has awaited counts as ended."""
    for _ in range(200):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_fitting(
    sent: signal.Signals, environ: Mapping[str, str], tmp_path: Path
) -> None:
    """Ctrl-C, and SIGTERM, end the fit and its children with 130; nothing is left of the output."""
    folder = task_folder(tmp_path, SLEEPS)
    process = started(words(folder, "--output", "new/out"), environ, tmp_path)
    try:
        child = pid_in(tmp_path, "new/.out.*/model.txt")
        process.send_signal(sent)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "drum fit: interrupted" in err
    assert is_gone(child)
    assert {path.name for path in tmp_path.iterdir()} == {"task", "rows.csv"}


def test_interrupted_while_predicting(environ: Mapping[str, str], tmp_path: Path) -> None:
    """Ctrl-C in the trial ends the server; the fitted model, which is whole, stays."""
    folder = task_folder(tmp_path, SLOW_TO_LOAD)
    process = started(words(folder, "--output", "out"), environ, tmp_path)
    try:
        server = pid_in(tmp_path, "server")
        assert server != process.pid
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert is_gone(server)
    assert "the fitted model stays in" in err
    assert (tmp_path / "out" / "drum-fit.json").is_file()
