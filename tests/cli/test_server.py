from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from drum_core.modes.new import run
from drum_core.options import NewModelOptions
from drum_core.options.new import TEMPLATES
from tests.model_folders import make_folder


@contextmanager
def _running(command: list[str], folder: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """A server in a process of its own; gives its address. It is ended with SIGTERM."""
    process = subprocess.Popen(
        command, cwd=folder, env=environ, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    # Whatever happens, nothing waits for ever on a server that says nothing.
    guard = threading.Timer(60, process.kill)
    guard.start()
    try:
        yield _address(process)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=40)
        assert process.returncode == 0, err
    finally:
        guard.cancel()
        process.kill()
        process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if found := re.search(r"INFO drum\.server: Listening on (http://\S+)$", line):
            return found[1]
    raise AssertionError("".join(seen))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _commands(readme: Path) -> list[str]:
    return re.findall(r"```sh\n(.*?)\n```", readme.read_text(), flags=re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("template", TEMPLATES)
def test_the_commands_of_the_readme_work_as_pasted(
    template: str, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    """Score, serve and ask, as the README says them, agree with one another."""
    folder = run(NewModelOptions(code_dir=tmp_path / "it's mine", template=template)).code_dir
    *fit, score, serve, ask = _commands(folder / "README.md")
    assert "127.0.0.1:8080" in serve
    port = f"127.0.0.1:{_free_port()}"
    serve, ask = (text.replace("127.0.0.1:8080", port) for text in (serve, ask))
    scripts = str(Path(sys.executable).parent)
    environ = {**environ, "PATH": scripts + os.pathsep + environ["PATH"]}

    def paste(command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    for command in fit:
        paste(command)
    scored = pd.read_csv(io.StringIO(paste(score)))
    with _running(["bash", "-c", f"exec {serve}"], tmp_path, environ) as address:
        assert address == f"http://{port}"
        # The server listens before the model is loaded.
        patient = ask.replace("curl ", "curl --silent --retry 20 --retry-all-errors --fail ", 1)
        answered = json.loads(paste(patient))["predictions"]
    assert len(answered) == len(scored) > 0
    if not isinstance(answered[0], dict):
        answered = [{"Predictions": value} for value in answered]
    served = pd.DataFrame(answered)
    assert list(served.columns) == list(scored.columns)
    pd.testing.assert_frame_equal(served, scored, check_dtype=False, rtol=1e-12)


def test_requests_are_suggested_on_a_terminal(
    tmp_path: Path, drum_on_terminal: Callable[..., tuple[int, str]]
) -> None:
    """A terminal is told where the server listens, and what to ask it; Ctrl-C ends it well."""
    run(NewModelOptions(code_dir=tmp_path / "m", template="hooks"))
    status, shown = drum_on_terminal(
        "server", "-cd", "m", "--address", "127.0.0.1:0", until=b"/predict/", URL_PREFIX="/flats"
    )
    assert status == 0
    listening = re.search(r"Listening on (http://127\.0\.0\.1:\d+)", shown)
    assert listening
    assert f"curl {listening[1]}/flats/info/" in shown
    assert f"@{tmp_path / 'm' / 'input.csv'}" in shown


def test_a_port_in_use_is_one_line(
    tmp_path: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """A port that another program has is told in one line, with status 1."""
    run(NewModelOptions(code_dir=tmp_path / "m", template="hooks"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        done = drum("server", "-cd", "m", "--address", address)
    assert done.returncode == 1
    assert done.stderr.startswith("drum server: error: ")
    assert address in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_unknown_server_is_named(
    tmp_path: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """A server that nobody offers is wrong usage; the ones that there are, are listed."""
    run(NewModelOptions(code_dir=tmp_path / "m", template="hooks"))
    parameter = {"MLOPS_RUNTIME_PARAM_DRUM_SERVER_TYPE": "apache"}
    done = drum("server", "-cd", "m", "--address", "127.0.0.1:0", **parameter)
    assert done.returncode == 2
    assert "MLOPS_RUNTIME_PARAM_DRUM_SERVER_TYPE" in done.stderr
    assert "gunicorn" in done.stderr


def test_production_is_accepted_with_a_remark(
    tmp_path: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """`--production` is taken as before, and a warning says that it does nothing."""
    run(NewModelOptions(code_dir=tmp_path / "m", template="hooks"))
    words = ("server", "-cd", "m", "--address", "127.0.0.1:0", "--production")
    done = drum(*words, "--server", "apache")
    assert "WARNING drum: --production is deprecated" in done.stderr


@pytest.mark.parametrize("server", ["flask", "gunicorn", "fastapi"])
def test_a_prediction_that_never_ends_does_not_keep_the_server(
    server: str, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    """After SIGTERM and the graceful timeout the process ends, with 0, whatever the model does."""
    custom = """
        import pathlib, time

        def load_model(code_dir):
            return pathlib.Path(code_dir, "began")

        def score(data, model):
            model.touch()
            time.sleep(60)
    """
    folder = make_folder(tmp_path / "m", custom=custom)
    command = [sys.executable, "-m", "drum_core", "server", "-cd", "m", "--address", "127.0.0.1:0"]
    limits = {**environ, "MLOPS_RUNTIME_PARAM_DRUM_GUNICORN_GRACEFUL_TIMEOUT": "1"}
    with _running([*command, "--server", server], tmp_path, limits) as url:
        curl = ["curl", "-s", "--retry", "20", "--retry-delay", "1", "--retry-max-time", "20"]
        ask = [*curl, "-H", "Content-Type: text/csv", "--data-binary", "x\n1\n2\n"]
        client = subprocess.Popen([*ask, f"{url}/predict/"], stdout=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while not (folder / "began").exists():
            assert time.monotonic() < until, "the prediction did not begin"
            time.sleep(0.05)
        asked = time.monotonic()
    client.kill()
    client.wait()
    assert time.monotonic() - asked < 20
