"""The configuration of a server, looked at without starting one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from drum_core.cli import main
from tests.model_folders import make_folder

BINARY = """
name: m
type: inference
targetType: binary
inferenceModel:
  positiveClassLabel: "yes"
  negativeClassLabel: "no"
"""

NEVER_RUN = "raise RuntimeError('the code of the folder was run')\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A binary model whose code must not be run."""
    return make_folder(tmp_path / "m", custom=NEVER_RUN, metadata=BINARY)


def explained(
    capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, dict[str, dict[str, object]], str | None]:
    """Status, settings and problem as `explain-config --json` tells them."""
    status = main(["explain-config", "--address", "127.0.0.1:0", "--json", *words])
    report = json.loads(capsys.readouterr().out)
    return status, report["settings"], report["problem"]


def test_every_source_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flag, variable, runtime parameter, metadata and default are told apart."""
    monkeypatch.setenv("URL_PREFIX", "/iris")
    monkeypatch.setenv(
        "MLOPS_RUNTIME_PARAM_DRUM_WEBSERVER_BACKLOG", '{"type": "numeric", "payload": 7}'
    )
    status, settings, problem = explained(capsys, "-cd", str(folder), "--max-workers", "3")
    assert (status, problem) == (0, None)
    assert settings["max_workers"] == {
        "value": 3,
        "source": "--max-workers",
        "set_by": "--max-workers",
    }
    assert (settings["url_prefix"]["value"], settings["url_prefix"]["source"]) == (
        "/iris",
        "URL_PREFIX",
    )
    backlog = settings["backlog"]
    assert (backlog["value"], backlog["source"]) == (
        7,
        "MLOPS_RUNTIME_PARAM_DRUM_WEBSERVER_BACKLOG",
    )
    assert settings["positive_class_label"]["value"] == "yes"
    assert settings["positive_class_label"]["source"] == "model-metadata.yaml"
    assert settings["target_type"]["value"] == "binary"
    assert settings["show_perf"]["source"] == "default"


def test_server_chosen_by_the_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The server that a lone custom_flask.py chooses is named with that reason."""
    _, settings, _ = explained(capsys, "-cd", str(folder))
    assert (settings["server"]["value"], settings["server"]["source"]) == ("uvicorn", "default")
    (folder / "custom_flask.py").write_text("def init_app(app): ...\n")
    _, settings, _ = explained(capsys, "-cd", str(folder))
    assert settings["server"]["value"] == "gunicorn"
    assert settings["server"]["source"] == "custom_flask.py is in the folder"


def test_secrets_are_masked(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The value of a secret is shown by no format, its source is."""
    monkeypatch.setenv("API_TOKEN", "hush-hush")
    words = ["-cd", str(folder), "--address", "127.0.0.1:0"]
    for command in (["server", "--print-config"], ["explain-config", "--json"]):
        assert main([*command, *words]) == 0
        out, err = capsys.readouterr()
        assert "hush-hush" not in out + err
        assert "*****" in out
        assert "API_TOKEN" in out


def test_problems_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What would keep the server from starting is in the report, and the status is 1."""
    status, settings, problem = explained(capsys, "-cd", str(folder), "--target-type", "regression")
    assert status == 1
    assert settings["target_type"]["value"] == "regression"
    assert problem is not None
    assert "model-metadata.yaml says binary" in problem


@pytest.mark.parametrize(
    ("words", "status"),
    [((), 0), (("--server", "nothing"), 2), (("--target-type", "regression"), 1)],
)
def test_check_starts_nothing(
    folder: Path, words: tuple[str, ...], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` says by its status alone whether the server could start."""
    command = ["server", "-cd", str(folder), "--address", "127.0.0.1:0", "--check", *words]
    assert main(command) == status
    out, err = capsys.readouterr()
    assert not out
    assert bool(err) == bool(status)


def test_only_one_look_at_a_time(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` and `--print-config` exclude each other."""
    words = ["server", "-cd", str(folder), "--address", "127.0.0.1:0"]
    assert main([*words, "--check", "--print-config"]) == 2
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_table_of_settings_on_a_terminal(
    folder: Path, drum_on_terminal: Callable[..., tuple[int, str]]
) -> None:
    """On a terminal the settings are a table."""
    status, shown = drum_on_terminal(
        "explain-config", "-cd", str(folder), "--address", "127.0.0.1:0", NO_COLOR="1"
    )
    assert status == 0
    assert "│ max_workers" in shown


def test_nothing_but_lines_in_a_pipe(
    folder: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """In a pipe each setting is a line: name, value, source."""
    done = drum("server", "-cd", str(folder), "--address", "127.0.0.1:0", "--print-config")
    assert (done.returncode, done.stderr) == (0, "")
    assert "max_workers 1 default" in [" ".join(line.split()) for line in done.stdout.splitlines()]
