from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from drum_core.cli import main
from drum_core.cli.planned import planned_flags
from drum_core.options import RunMode
from tests.model_folders import DOUBLE, REGRESSION, make_folder


@pytest.mark.parametrize("mode", [RunMode.SCORE, RunMode.SERVER])
def test_planned_flags_say_so(mode: RunMode, capsys: pytest.CaptureFixture[str]) -> None:
    """Each flag of DRUM that is not built is known, and an error that names it."""
    for flag in planned_flags(mode):
        words = [flag.name] if flag.switch else [flag.name, "value"]
        assert main([mode.value, "-cd", ".", *words]) == 1
        err = capsys.readouterr().err
        assert err == f"drum {mode.value}: error: {flag.name} is not built yet.\n"


def test_several_planned_flags_are_all_named(capsys: pytest.CaptureFixture[str]) -> None:
    """All flags that are not built are named at once, abbreviated ones in full."""
    assert main(["score", "--gpu", "nim", "--triton-host=a", "--triton-host=b"]) == 1
    assert "--gpu-predictor --triton-host is not built yet" in capsys.readouterr().err


def test_flags_of_other_commands_are_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    """A flag that DRUM's sub-command does not have either is wrong usage."""
    assert main(["new", "model", "--docker", "i"]) == 2
    assert "unrecognized arguments: --docker i" in capsys.readouterr().err


@pytest.mark.parametrize("mode", ["server", "score"])
def test_parameters_without_effect_are_named(
    mode: str, drum: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """One warning names the parameters of DRUM's server that change nothing; a score has none."""
    folder = make_folder(tmp_path / "m", custom="import absent")
    (tmp_path / "values.yaml").write_text("DRUM_GUNICORN_FIRST_BYTE_TIMEOUT: 5\n")
    (folder / "model-metadata.yaml").write_text(
        REGRESSION + "runtimeParameterDefinitions:\n"
        "- {fieldName: DRUM_GUNICORN_FIRST_BYTE_TIMEOUT, type: numeric}\n"
    )
    (tmp_path / "rows.csv").write_text("x\n1\n")
    words = {"server": ["--address", "127.0.0.1:0"], "score": ["--input", "rows.csv"]}[mode]
    done = drum(
        *(mode, "-cd", "m", "--runtime-params-file", "values.yaml", *words),
        MLOPS_RUNTIME_PARAM_USE_NIM_WATCHDOG="true",
        MLOPS_RUNTIME_PARAM_DRUM_GUNICORN_KEEP_ALIVE="5",
    )
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if "no effect" in line]
    assert ["WARNING" in line for line in said] == [True] * (mode == "server")
    names = [
        f"MLOPS_RUNTIME_PARAM_{name}"
        for name in ("DRUM_GUNICORN_FIRST_BYTE_TIMEOUT", "USE_NIM_WATCHDOG")
    ]
    assert all(line.endswith(f": {', '.join(names)}.") for line in said)


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("DRUM_GUNICORN_WORKER_CLASS", '{"type": "string", "payload": "gevent"}', 2),
        ("DRUM_GUNICORN_WORKER_CLASS", '{"type": "string", "payload": "sync"}', 0),
        ("DRUM_WORKER_CONNECTIONS", '{"type": "numeric", "payload": 5}', 2),
        ("DRUM_GUNICORN_LOG_LEVEL", "loud", 2),
        ("DRUM_GUNICORN_LOG_LEVEL", "debug", 0),
    ],
)
def test_parameters_that_ask_for_gevent_are_refused(
    name: str,
    value: str,
    status: int,
    drum: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    """Wrong usage, with the reason and what to use instead; the default worker class is none."""
    make_folder(tmp_path / "m", custom=DOUBLE)
    words = ("server", "-cd", "m", "--address", "127.0.0.1:0", "--check")
    done = drum(*words, **{f"MLOPS_RUNTIME_PARAM_{name}": value})
    assert done.returncode == status, done.stderr
    assert (name in done.stderr) == (status == 2)
