from __future__ import annotations

import functools
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

from drum_core import CMRunner, DrumRuntime
from drum_core.errors import InputError, OptionConflictError, OptionError
from drum_core.options import ValidationOptions
from drum_core.options.choices import ValidationCheck as Check
from drum_core.results import CheckStatus
from tests.cli.conftest import drum, drum_on_terminal, environ
from tests.validation.checked import validated
from tests.validation.defects import IN_PROCESS, write_model

__all__ = ["drum", "drum_on_terminal", "environ"]

Drum = Callable[..., subprocess.CompletedProcess[str]]
NULLS = next(defect for defect in IN_PROCESS if defect.fails == {Check.NULLS})
ASK = ("validation", "-cd", "m", "--input", "m/input.csv", "--jobs", "1")


def test_failed_checks_are_lines_in_a_pipe(drum: Drum, tmp_path: Path) -> None:
    """Each check has a line, what it found one below; the status is 1, the standard error empty."""
    NULLS.folder(tmp_path / "m")
    done = drum(*ASK, "--only", "batch", "nulls", "one-row")
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "Validation checks results"
    assert lines[1].split() == ["Test", "case", "Status", "Details"]
    assert lines[2].startswith("Basic batch prediction  PASSED   24 rows")
    assert lines[3].startswith(
        "Null value imputation   FAILED   Emptied one column after the other"
    )
    assert lines[4].startswith("    income: The hook score (custom.py, line ")
    assert "nothing to scale" in lines[4]
    assert lines[5].startswith("    To mend: Impute missing values")
    assert lines[-1].startswith("2 passed, 1 failed in ")
    assert "\x1b" not in done.stdout


def test_exit_zero_is_drums_way(drum: Drum, tmp_path: Path) -> None:
    """With --exit-zero failed checks are told, and the status is 0."""
    NULLS.folder(tmp_path / "m")
    done = drum(*ASK, "--only", "nulls", "--exit-zero")
    assert done.returncode == 0
    assert "FAILED" in done.stdout


def test_the_report_is_json(drum: Drum, tmp_path: Path) -> None:
    """With --json the report is alone on the standard output; kept inputs are named in it."""
    NULLS.folder(tmp_path / "m")
    done = drum(*ASK, "--only", "nulls", "repeat", "--json", "--keep-datasets", "kept")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["passed"] is False
    assert report["counts"] == {"passed": 1, "failed": 1, "warning": 0, "skipped": 0}
    nulls, repeat = report["checks"]
    assert (nulls["check"], nulls["status"], repeat["status"]) == ("nulls", "FAILED", "PASSED")
    (finding,) = nulls["findings"]
    assert finding["feature"] == "income"
    kept = Path(finding["dataset"])
    assert [kept] == list((tmp_path / "kept").iterdir())
    again = drum("score", "-cd", "m", "--input", str(kept))
    assert "nothing to scale" in again.stderr


def test_a_terminal_gets_a_table(
    drum_on_terminal: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """On a terminal there is a table that fits it, with the contract's columns."""
    NULLS.folder(tmp_path / "m")
    status, text = drum_on_terminal(*ASK, "--only", "batch", "nulls", NO_COLOR="1")
    assert status == 1
    shown = text[text.index("Validation checks results") :]
    for words in (
        "Test case",
        "Status",
        "Details",
        "PASSED",
        "FAILED",
        "Failed feature",
        "Message",
    ):
        assert words in shown
    assert "To mend: " in shown
    assert "Impute missing values" in shown
    assert "of 2 checks" in text


@pytest.mark.parametrize("flag", ["--only", "--skip"])
def test_an_unknown_check_is_wrong_usage(flag: str, drum: Drum, tmp_path: Path) -> None:
    """A name that is no check ends with status 2, and all names."""
    write_model(tmp_path / "m")
    done = drum(*ASK, flag, "nulls", "null")
    assert done.returncode == 2
    for check in Check:
        assert check.value in done.stderr


def test_an_embedder_is_told_of_an_unknown_check(tmp_path: Path) -> None:
    """In Python a name that is no check is an `OptionError`; names and members are both taken."""
    folder = write_model(tmp_path / "m")
    given = functools.partial(ValidationOptions, code_dir=folder, input=folder / "input.csv")
    with pytest.raises(OptionError, match="only: expected one of batch, nulls"):
        given(only=("bogus",))  # type: ignore[arg-type]  # that is what is tested
    with pytest.raises(OptionConflictError, match="both name nulls"):
        given(only=(Check.NULLS,), skip=(Check.NULLS,))
    with pytest.raises(OptionConflictError, match="no check to run"):
        given(skip=tuple(Check))


def test_skipped_checks_are_left_out(tmp_path: Path) -> None:
    """What --skip names is not in the result; the rest is, in order."""
    left_out = [check for check in Check if check not in (Check.BATCH, Check.ONE_ROW)]
    result = validated(write_model(tmp_path / "m"), skip=left_out)
    assert [check.check for check in result.checks] == [Check.BATCH, Check.ONE_ROW]
    assert result.passed


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "The input is empty"),
        (b"age,income,city,note\n", "but no rows"),
        (b"\xff\xfe\x00,b\n1,2\n", "UTF-8"),
    ],
)
def test_an_input_of_no_use_is_an_error(data: bytes, told: str, tmp_path: Path) -> None:
    """An input without rows, or that is no table, is no fault of the model: the run ends."""
    folder = write_model(tmp_path / "m")
    (folder / "input.csv").write_bytes(data)
    with pytest.raises(InputError, match=told):
        validated(folder, only=[Check.BATCH], jobs=1)


def test_an_input_that_cannot_be_read_is_one_line(drum: Drum, tmp_path: Path) -> None:
    """A directory as input is wrong usage; it is told in one paragraph."""
    write_model(tmp_path / "m")
    done = drum("validation", "-cd", "m", "--input", "m")
    assert done.returncode == 2
    assert "--input: expected an existing file" in done.stderr


@pytest.mark.parametrize(
    ("custom", "told"),
    [
        ("raise RuntimeError('no weights')", "no weights"),
        ("import os\nos._exit(7)", "the process ended with status 7"),
        ("import ctypes\nctypes.string_at(0)", "the process was ended by SIGSEGV"),
        ("import time\ntime.sleep(60)", "it took longer than 4 s"),
    ],
)
def test_a_model_that_does_not_load_fails(custom: str, told: str, tmp_path: Path) -> None:
    """Whatever loading does to its process, the batch check fails, and the rest is skipped."""
    folder = write_model(tmp_path / "m", custom)
    seconds = 4 if "sleep" in custom else 60
    result = validated(folder, only=[Check.BATCH, Check.REPEAT], timeout=seconds, jobs=1)
    batch, repeat = result.checks
    assert batch.status is CheckStatus.FAILED
    assert told in batch.findings[0].message
    assert repeat.status is CheckStatus.SKIPPED
    assert repeat.details == "The model cannot be loaded."


@pytest.mark.parametrize("end", ["os._exit(0)", "time.sleep(600)"])
def test_a_model_that_never_answers_is_not_asked_by_every_check(end: str, tmp_path: Path) -> None:
    """Where the rows as they are end the process, or never end, what has not begun is skipped."""
    custom = f"import os, time\ndef score(data, model, **kwargs):\n    {end}\n"
    write_model(tmp_path / "m", custom)
    result = validated(tmp_path / "m", jobs=1, timeout=10)
    statuses = [check.status for check in result.checks]
    assert statuses.count(CheckStatus.FAILED) == 2
    skipped = [check for check in result.checks if check.status is CheckStatus.SKIPPED]
    assert len(skipped) == len(Check) - 2
    assert "with the rows as they are: see memory" in skipped[0].details
    assert not result.passed


@pytest.mark.parametrize("signalled", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(
    signalled: signal.Signals, environ: Mapping[str, str], tmp_path: Path
) -> None:
    """Ctrl-C ends the processes, also one that hangs and has children, and removes their files."""
    custom = """
    import subprocess, time

    def score(data, model, **kwargs):
        subprocess.Popen(["sleep", "600"])
        open(kwargs and __file__ + ".began", "w").close()
        while True:
            try:
                time.sleep(60)
            except KeyboardInterrupt:
                pass
    """
    folder = write_model(tmp_path / "m", custom)
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "drum_core", *ASK],
        cwd=tmp_path,
        env={**environ, "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until = time.monotonic() + 60
        while not (folder / "custom.py.began").exists() and time.monotonic() < until:
            time.sleep(0.05)
        children = psutil.Process(process.pid).children(recursive=True)
        assert {child.name() for child in children} >= {"sleep"}
        process.send_signal(signalled)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, "")
    assert err == "drum: interrupted\n" or err == "drum validation: interrupted\n"
    _, alive = psutil.wait_procs(children, timeout=10)
    assert [child for child in alive if child.status() != psutil.STATUS_ZOMBIE] == []
    assert os.listdir(tmp_path / "tmp") == []


def test_progress_is_told_for_each_check(tmp_path: Path) -> None:
    """An embedder's progress hears of each check; the result is typed."""
    from collections.abc import Iterator
    from contextlib import contextmanager

    from drum_core import NoProgress
    from drum_core.progress import Advance

    steps: list[int] = []

    class Heard(NoProgress):
        @contextmanager
        def task(self, what: str, total: int | None, /, *, unit: str = "rows") -> Iterator[Advance]:
            assert (total, unit) == (2, "checks")
            yield steps.append

    folder = write_model(tmp_path / "m")
    options = ValidationOptions(
        code_dir=folder, input=folder / "input.csv", only=(Check.BATCH, Check.NULLS)
    )
    with DrumRuntime(options, progress=Heard()) as runtime:
        result = CMRunner(runtime).run()
    assert steps == [1, 1]
    assert result.passed
    assert result.with_status(CheckStatus.PASSED) == result.checks
