"""A server of our own: started, found, and never left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from drum_core.child_server import child_server, server_arguments
from drum_core.errors import OptionError, ServerError
from drum_core.options import PerfTestOptions, ScoreOptions, ValidationOptions
from tests.model_folders import DOUBLE, make_folder

BAD = """\
def load_model(code_dir):
    raise ValueError("the weights are of another model")

def score(data, model, **kwargs):
    return None
"""


def test_server_is_ready_and_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server predicts as soon as it is given, and has ended with its files afterwards."""
    monkeypatch.setenv("URL_PREFIX", "/elsewhere")
    monkeypatch.setenv("DRUM_LOG_FORMAT", "json")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("DRUM_SSL_CERTFILE", "/no/such/file")
    folder = make_folder(tmp_path / "model", custom=DOUBLE)
    with child_server([f"--code-dir={folder}"]) as server:
        request = urllib.request.Request(
            f"{server.url}/predict/",
            b"x\n4\n",
            {**server.headers, "Content-Type": "text/csv"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert json.load(answer) == {"predictions": [8.0]}
        assert server.exit_status() is None
        server.check()
        assert "Listening on" in server.last_words()
    assert server.exit_status() == 0
    assert not server.log.exists()
    assert not psutil.pid_exists(server.pid)


def test_strangers_on_the_machine_are_refused(tmp_path: Path) -> None:
    """The port is open to every user of the machine, so a token is asked for."""
    folder = make_folder(tmp_path / "model", custom=DOUBLE)
    with child_server([f"--code-dir={folder}"]) as server:
        assert server.headers["Authorization"].partition(" ")[2] not in repr(server)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{server.url}/info/", timeout=20)


def test_server_that_ends_tells_why(tmp_path: Path) -> None:
    """A model that cannot be loaded is told with the words of its own server."""
    folder = make_folder(tmp_path / "model", custom=BAD)
    with (
        pytest.raises(ServerError, match=r"(?s)status 1 before it was ready.*of another model"),
        child_server([f"--code-dir={folder}"]),
    ):
        pass


def test_server_that_never_is_ready_is_ended(tmp_path: Path) -> None:
    """A model that loads for ever is given up in time, and its process is gone."""
    note = tmp_path / "pid"
    custom = f"""\
    import os, time, pathlib
    def load_model(code_dir):
        pathlib.Path({str(note)!r}).write_text(str(os.getpid()))
        time.sleep(600)
    def score(data, model, **kwargs):
        return None
    """
    folder = make_folder(tmp_path / "model", custom=custom)
    with (
        pytest.raises(ServerError, match="not ready within 6 s"),
        child_server([f"--code-dir={folder}"], ready_seconds=6, stop_seconds=0.5),
    ):
        pass
    assert note.exists()
    assert not psutil.pid_exists(int(note.read_text()))


def test_workers_go_with_their_server(tmp_path: Path) -> None:
    """Two worker processes of a server are gone once it has been ended by force."""
    folder = make_folder(tmp_path / "model", custom=DOUBLE)
    words = [f"--code-dir={folder}", "--max-workers=2"]
    with child_server(words, stop_seconds=20) as server:
        family = psutil.Process(server.pid).children(recursive=True)
        assert len(family) >= 2
        os.kill(server.pid, signal.SIGKILL)
        until = time.monotonic() + 10
        while server.exit_status() is None and time.monotonic() < until:
            time.sleep(0.02)
        with pytest.raises(ServerError, match="was ended by SIGKILL"):
            server.check()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_server_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    """Where the process that started it is killed, the server ends too."""
    folder = make_folder(tmp_path / "model", custom=DOUBLE)
    code = f"""\
    import time
    from drum_core.child_server import child_server
    with child_server(["--code-dir={folder}"]) as server:
        print(server.pid, flush=True)
        time.sleep(600)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "TMPDIR": str(tmp_path)},  # nobody is left to remove its files
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        server = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    psutil.wait_procs([server], timeout=20)
    assert not server.is_running()


def test_options_are_passed_on(tmp_path: Path) -> None:
    """What a run and a server have in common becomes words; what has no flag, a variable."""
    folder = make_folder(tmp_path / "model", custom=DOUBLE)
    data = tmp_path / "data.csv"
    data.write_text("x\n1\n")
    options = ValidationOptions(
        code_dir=folder,
        input=data,
        class_labels=("a", "b c"),
        target_name="answer",
        user_secrets_prefix="MY",
        show_stacktrace=True,
    )
    words, variables = server_arguments(options)
    assert words == [
        f"--code-dir={folder}",
        *("--class-labels", "a", "b c"),
        "--user-secrets-prefix=MY",
    ]
    assert variables == {"TARGET_NAME": "answer"}


def test_secrets_are_no_words(tmp_path: Path) -> None:
    """A token is passed on in the environment, which only the user can read."""
    folder = make_folder(tmp_path / "model", custom=DOUBLE)
    data = tmp_path / "data.csv"
    data.write_text("x\n1\n")
    options = ScoreOptions(code_dir=folder, input=data, api_token="s3cret")
    words, variables = server_arguments(options, tmp_path / "fitted")
    assert words == [f"--code-dir={tmp_path / 'fitted'}"]
    assert "s3cret" not in " ".join(words)
    assert variables == {"API_TOKEN": "s3cret"}


def test_what_is_said_beats_what_is_inherited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value that was given is passed on also where it is the default, and no variable wins."""
    monkeypatch.setenv("MAX_WORKERS", "4")
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_CUSTOM_MODEL_WORKERS", "5")
    monkeypatch.setenv("TARGET_NAME", "of another model")
    monkeypatch.setenv("CLASS_LABELS", "x y")
    folder = make_folder(tmp_path / "model", custom=DOUBLE)
    data = tmp_path / "data.csv"
    data.write_text("x\n1\n")
    given = PerfTestOptions(
        code_dir=folder, input=data, max_workers=1, sources={"max_workers": "--max-workers"}
    )
    words, variables = server_arguments(given)
    assert "--max-workers=1" in words
    gone = ("MLOPS_RUNTIME_PARAM_CUSTOM_MODEL_WORKERS", "TARGET_NAME", "CLASS_LABELS")
    assert variables == dict.fromkeys(gone)
    _, variables = server_arguments(PerfTestOptions(code_dir=folder, input=data))
    assert variables == dict.fromkeys(("MAX_WORKERS", *gone))


def test_labels_that_look_like_flags_are_passed_on(tmp_path: Path) -> None:
    """They go into a variable; where that cannot say them either, the error says what can."""
    folder = make_folder(tmp_path / "model", custom=DOUBLE)
    data = tmp_path / "data.csv"
    data.write_text("x\n1\n")
    options = ScoreOptions(code_dir=folder, input=data, class_labels=("-1", "0", "1"))
    words, variables = server_arguments(options)
    assert "--class-labels" not in words
    assert variables == {"CLASS_LABELS": "-1 0 1"}
    options = ScoreOptions(code_dir=folder, input=data, class_labels=("-1", "a b"))
    with pytest.raises(OptionError, match="--class-labels-file"):
        server_arguments(options)
