from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import pytest

from drum_core.modes.new import run
from drum_core.options import NewModelOptions
from drum_core.options.new import TEMPLATES
from tests.model_folders import make_folder

NOISY = """
import ctypes, os, warnings
import pandas as pd
print("at import")

def load_model(code_dir):
    os.system("echo from a child")
    ctypes.CDLL(None).puts(b"from C")
    return 1

def score(data, model, **kwargs):
    print("while scoring")
    return pd.DataFrame({"Predictions": range(len(data))})
"""


def _unstyled(shown: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", shown)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder that works, called `m`."""
    return run(NewModelOptions(code_dir=tmp_path / "m", template="hooks")).code_dir


@pytest.mark.parametrize("template", [name for name in TEMPLATES if name != "sklearn-fit"])
def test_every_template_is_scored(
    template: str, tmp_path: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """A new model scores its own sample at once; what is printed is what a file would hold."""
    made = drum("new", "model", "--code-dir", "m", "--template", template)
    assert made.returncode == 0, made.stderr
    assert "drum score --code-dir m --input m/input.csv" in made.stdout
    printed = drum("score", "-cd", "m", "--input", "m/input.csv")
    assert (printed.returncode, printed.stderr) == (0, "")
    written = drum("score", "-cd", "m", "--input", "m/input.csv", "--output", "out.csv")
    assert written.returncode == 0
    assert (tmp_path / "out.csv").read_bytes().decode() == printed.stdout
    sample = pd.read_csv(tmp_path / "m" / "input.csv")
    predictions = pd.read_csv(io.StringIO(printed.stdout))
    assert len(predictions) == len(sample)
    if template not in ("hooks", "sklearn-regression"):
        assert predictions.sum(axis="columns").tolist() == pytest.approx([1.0] * len(sample))


def test_a_written_file_is_told_on_the_standard_error(
    folder: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """With `--output` the standard output stays empty, and one line says rows, file and time."""
    done = drum("score", "-cd", "m", "--input", "m/input.csv", "--output", "out.csv")
    assert done.stdout == ""
    assert done.stderr.startswith(f"Wrote 8 rows to {folder.parent / 'out.csv'} in ")
    assert done.stderr.count("\n") == 1


def test_the_flag_beats_the_variable(
    folder: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """`-cd` wins over CODE_DIR, also in its short spelling."""
    done = drum("score", "-cd", "m", "--input", "m/input.csv", CODE_DIR="/nowhere")
    assert done.returncode == 0, done.stderr


def test_variables_stand_for_flags(
    folder: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """CODE_DIR and TARGET_TYPE do what the flags do; flags may be abbreviated or have `=`."""
    (folder / "model-metadata.yaml").unlink()
    done = drum("score", "--inp=m/input.csv", CODE_DIR="m", TARGET_TYPE="regression")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Predictions\n")


def test_what_hooks_print_does_not_get_into_the_predictions(
    folder: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Prints from Python, C and a child process go to the standard error."""
    (folder / "custom.py").write_text(NOISY)
    done = drum("score", "-cd", "m", "--input", "m/input.csv")
    assert done.stdout == "Predictions\n" + "".join(f"{n}\n" for n in range(8))
    for said in ("at import", "from a child", "from C", "while scoring"):
        assert said in done.stderr


def test_show_perf(folder: Path, drum: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """`--show-perf` adds DRUM's three reports, and leaves the predictions alone."""
    done = drum("score", "-cd", "m", "--input", "m/input.csv", "--show-perf")
    assert done.stdout.count("\n") == 9
    lines = done.stderr.splitlines()
    assert lines[::2] == [
        "Full time",
        "Init time (incl model loading)",
        "Run time (incl reading CSV)",
    ]
    assert all(line.startswith("\tsec: min: ") and "; avg: " in line for line in lines[1::2])


def test_a_reader_that_stops_is_no_error(folder: Path, environ: Mapping[str, str]) -> None:
    """When the reader has seen enough, the command ends quietly."""
    (folder / "many.csv").write_text("area,rooms,year\n" + "1,2,3\n" * 50_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "drum_core", "score", "-cd", "m", "--input", "m/many.csv"],
        cwd=folder.parent,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b"Predictions\n"
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=30) == 141


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_printed_predictions_are_utf_8(
    encoding: str, folder: Path, environ: Mapping[str, str]
) -> None:
    """Labels with accents are printed as a file would have them, whatever the locale."""
    (folder / "custom.py").write_text(
        "import pandas as pd\n"
        "def score(data, model, **kwargs):\n"
        "    return pd.DataFrame({'é': [0.25] * len(data), 'ü': [0.75] * len(data)})\n"
        "def load_model(code_dir):\n"
        "    return 1\n"
    )
    (folder / "model-metadata.yaml").unlink()
    words = ["score", "-cd", "m", "--input", "m/input.csv", "--target-type", "multiclass"]
    done = subprocess.run(
        [sys.executable, "-m", "drum_core", *words, "--class-labels", "é", "ü"],
        cwd=folder.parent,
        env={**environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().startswith("é,ü\n0.25,0.75\n")


def test_a_terminal_gets_a_table(
    folder: Path, drum_on_terminal: Callable[..., tuple[int, str]]
) -> None:
    """On a terminal the first and last rows are shown as a table, with a summary."""
    (folder / "many.csv").write_text("area,rooms,year\n" + "1,2,3\n" * 1_000)
    status, shown = drum_on_terminal("score", "-cd", "m", "--input", "m/many.csv", NO_COLOR="1")
    assert status == 0
    lines = _unstyled(shown).splitlines()
    assert "Predictions" in shown
    assert 15 < len([line for line in lines if line.startswith("│ ")]) < 20
    assert any(line.startswith("│ 1,000 │") for line in lines)
    assert lines[-1].startswith("1,000 rows in ")


def test_a_table_fits_the_terminal(
    folder: Path, drum_on_terminal: Callable[..., tuple[int, str]]
) -> None:
    """Columns that have no room are counted, and no line is wider than the terminal."""
    labels = [f"label_{n}" for n in range(40)]
    (folder / "custom.py").write_text(
        "import pandas as pd\n"
        f"LABELS = {labels!r}\n"
        "def score(data, model, **kwargs):\n"
        "    return pd.DataFrame({name: [1 / 40] * len(data) for name in LABELS})\n"
        "def load_model(code_dir):\n"
        "    return 1\n"
    )
    (folder / "model-metadata.yaml").unlink()
    words = ("score", "-cd", "m", "--input", "m/input.csv", "--target-type", "multiclass")
    status, shown = drum_on_terminal(*words, "--class-labels", *labels, NO_COLOR="1", COLUMNS="80")
    assert status == 0, shown
    assert "label_0" in shown
    assert " more" in shown
    assert max(len(line) for line in _unstyled(shown).splitlines()) <= 80


@pytest.mark.parametrize("rows", [1, 50_000])
def test_a_full_disk_is_one_line(rows: int, folder: Path, environ: Mapping[str, str]) -> None:
    """When the standard output cannot take the predictions, one line says so."""
    (folder / "rows.csv").write_text("area,rooms,year\n" + "1,2,3\n" * rows)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "drum_core", "score", "-cd", "m", "--input", "m/rows.csv"],
            cwd=folder.parent,
            env=environ,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == (
        "drum: error: Cannot write to the standard output: No space left on device.\n"
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_closed_streams_do_not_matter(
    closed: str, folder: Path, environ: Mapping[str, str]
) -> None:
    """A standard stream that is closed takes nothing, and does no harm."""
    score = f"{sys.executable} -m drum_core score -cd m --input m/input.csv"
    done = subprocess.run(
        ["bash", "-c", f"{score} --output out.csv {closed}"],
        cwd=folder.parent,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (folder.parent / "out.csv").read_text().startswith("Predictions\n")


@pytest.mark.parametrize("place", ["at import", "in score"])
def test_a_model_that_exits_has_not_succeeded(
    place: str, folder: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """`sys.exit(0)` in the model's code is an error, for there is no result."""
    code = (folder / "custom.py").read_text()
    if place == "at import":
        code = "raise SystemExit(0)\n" + code
    else:
        code = code.replace("    age = 2026", "    raise SystemExit(0)\n    age = 2026")
    (folder / "custom.py").write_text(code)
    done = drum("score", "-cd", "m", "--input", "m/input.csv", "--output", "out.csv")
    assert done.returncode == 1
    assert "called sys.exit(0)" in done.stderr
    assert not (folder.parent / "out.csv").exists()


_POOLS = {
    "concurrent.futures": """
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context
        pool = ProcessPoolExecutor(1, get_context("spawn"))
        def twice(values): return list(pool.map(abs, values))
    """,
    "joblib": """
        from joblib import Parallel, delayed
        def twice(values): return Parallel(n_jobs=2)(delayed(abs)(value) for value in values)
    """,
}


@pytest.mark.parametrize("pool", _POOLS)
def test_pools_of_processes_end(
    pool: str, tmp_path: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """A model may leave a pool of processes open: the run ends, and so do they."""
    make_folder(
        tmp_path / "m",
        custom=f"""{_POOLS[pool]}
        import pandas as pd
        def load_model(d): return 1
        def score(data, model): return pd.DataFrame({{"p": twice(data["x"].tolist())}})
    """,
    )
    (tmp_path / "x.csv").write_text("x\n-1\n2\n")
    done = drum("score", "-cd", "m", "--input", "x.csv")
    assert (done.returncode, done.stdout) == (0, "Predictions\n1\n2\n"), done.stderr
