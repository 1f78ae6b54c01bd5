from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from drum_core.cli import main
from drum_core.cli.exit_codes import ExitStatus, status_of
from drum_core.errors import DrumError, OptionConflictError, OptionError, UserHTTPError
from drum_core.modes.new import run
from drum_core.options import NewModelOptions

SCORE = ("score", "--code-dir", "m", "--input", "m/input.csv")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder that works, called `m`."""
    return run(NewModelOptions(code_dir=tmp_path / "m", template="hooks")).code_dir


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DrumError("no"), ExitStatus.ERROR),
        (OptionError("--x", "y", "z"), ExitStatus.USAGE),
        (OptionConflictError("two truths"), ExitStatus.ERROR),
        (UserHTTPError("no", 418), ExitStatus.ERROR),
        (ZeroDivisionError(), ExitStatus.ERROR),
        (KeyboardInterrupt(), ExitStatus.INTERRUPTED),
    ],
)
def test_status_of_an_error(error: BaseException, status: ExitStatus) -> None:
    """The table of exit statuses knows an error by its class, or by the nearest base."""
    assert status_of(error) is status


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["score"], "the following arguments are required: -cd/--code-dir, --input"),
        (["score", "-cd", "m", "--input", "no.csv"], "--input: expected an existing file, got"),
        (["score", "-cd", "no", "--input", "m/input.csv"], "--code-dir: expected an existing dir"),
        ([*SCORE, "--target-type", "sorcery"], "--target-type: invalid choice: 'sorcery'"),
        ([*SCORE, "--positive-class-label", "a"], "belong together"),
        ([*SCORE, "--class-labels", "a", "--target-type", "multiclass"], "at least 2 labels"),
        (
            [*SCORE, "--class-labels", "a", "b", "--class-labels-file", "m/README.md"],
            "say the same thing",
        ),
        ([*SCORE, "--bogus"], "unrecognized arguments: --bogus"),
        (["server", "-cd", "m"], "the following arguments are required: --address"),
        (["server", "-cd", "m", "--address", "x:y"], "--address: expected host:port"),
        (
            ["server", "-cd", "m", "--address", "x", "--max-workers", "0"],
            "--max-workers: expected a whole number from 1 to 199, or auto, got 0",
        ),
        (["new", "model", "-cd", "n"], "either from --template"),
        (["new", "model", "-cd", "n", "--template", "magic"], "invalid choice: 'magic'"),
    ],
)
def test_wrong_usage(
    words: list[str],
    said: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Wrong usage shows the usage line of the sub-command and the reason, with status 2."""
    monkeypatch.chdir(folder.parent)
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith(f"usage: drum {words[0]}")
    assert said in err
    assert "Traceback" not in err


def test_a_bad_variable_is_named(
    folder: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """A value that came from a variable is blamed on the variable."""
    done = drum("score", "--input", "m/input.csv", CODE_DIR="nowhere")
    assert done.returncode == 2
    assert "CODE_DIR: expected an existing directory, got 'nowhere'" in done.stderr


def _break(folder: Path, statement: str) -> None:
    code = (folder / "custom.py").read_text()
    (folder / "custom.py").write_text(
        code.replace("    age = 2026", f"    {statement}\n    age = 2026")
    )


@pytest.mark.parametrize(
    "statement",
    ["raise ValueError('the moon is wrong')", "data['no such column']"],
)
def test_a_failing_hook_is_one_paragraph(
    statement: str, folder: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """What a hook raises is told in one line, with status 1 and without a traceback."""
    _break(folder, statement)
    done = drum(*SCORE)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("drum score: error: ")
    assert "score (custom.py, line " in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "variables"), [(["--show-stacktrace"], {}), ([], {"SHOW_STACKTRACE": "true"})]
)
def test_show_stacktrace_shows_the_line_of_the_hook(
    words: list[str],
    variables: Mapping[str, str],
    folder: Path,
    drum: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """By flag or variable the traceback is shown, before the paragraph."""
    _break(folder, "raise ValueError('the moon is wrong')")
    done = drum(*SCORE, *words, **variables)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert str(folder / "custom.py") in done.stderr
    assert done.stderr.splitlines()[-1].startswith("drum score: error: ")


def test_an_answer_that_a_hook_chose_is_an_error(
    folder: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """`UserHTTPError` in batch scoring is an error with its own text."""
    _break(
        folder, "from drum_core.errors import UserHTTPError; raise UserHTTPError('too dear', 402)"
    )
    done = drum(*SCORE)
    assert done.returncode == 1
    assert "too dear" in done.stderr
    assert "Traceback" not in done.stderr


def test_labels_that_contradict_the_metadata(
    folder: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """A flag against model-metadata.yaml names both; it is an error, not wrong usage."""
    done = drum(*SCORE, "--target-type", "anomaly")
    assert done.returncode == 1
    assert "--target-type says anomaly; model-metadata.yaml says regression" in done.stderr


def test_errors_are_coloured_on_a_terminal(
    folder: Path, drum_on_terminal: Callable[..., tuple[int, str]]
) -> None:
    """On a terminal the name before an error is red; with NO_COLOR it is not."""
    status, shown = drum_on_terminal(*SCORE, "--target-type", "anomaly")
    assert status == 1
    assert "\x1b[1;31mdrum score: \x1b[0m" in shown
    _, plain = drum_on_terminal(*SCORE, "--target-type", "anomaly", NO_COLOR="1")
    assert "\x1b[1;31m" not in plain
