"""`drum perf-test` as a user runs it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from drum_core import CMRunner, DrumError, DrumRuntime, PerfTestOptions
from drum_core.child_server import child_server
from drum_core.cli import main
from tests.model_folders import DOUBLE, make_folder

Drum = Callable[..., subprocess.CompletedProcess[str]]

TRANSFORM = """\
def load_model(code_dir):
    return 1

def transform(data, model):
    return data * 2
"""
ECHO = """\
def load_model(code_dir):
    return 1

def score_unstructured(model, data, query, **kwargs):
    return f"{data}{query.get('a')}"
"""


CHAT = """\
import time

def load_model(code_dir):
    return 1

def chat(completion_create_params, model, **kwargs):
    prompt = completion_create_params["messages"][0]["content"]
    assert completion_create_params["stream"]
    def chunks():
        for number in range(3):
            time.sleep(0.05 if number else 0)
            yield {
                "id": "one", "object": "chat.completion.chunk", "created": 1, "model": "parrot",
                "choices": [{"index": 0, "delta": {"content": prompt}, "finish_reason": None}],
            }
            if prompt == "break":
                raise ValueError("the parrot is dead")
    return chunks()
"""


def of_type(target: str) -> str:
    """Metadata of a model of a target type."""
    return f"name: m\ntype: inference\ntargetType: {target}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model that doubles x, with three rows beside it."""
    (tmp_path / "rows.csv").write_text("x\n1\n2\n3\n")
    return make_folder(tmp_path / "m", custom=DOUBLE)


@pytest.mark.usefixtures("folder")
def test_one_size_is_shown_with_the_columns_of_drum(drum: Drum) -> None:
    """-s and -i give DRUM's lines, then a table of the one case, with the server's own time."""
    words = ("-s", "2", "-i", "4", "--in-server", "--warm-up", "0")
    done = drum("perf-test", "-cd", "m", "--input", "rows.csv", *words)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "DRUM performance test"
    assert [line.partition(":")[0] for line in lines[1:4]] == ["Model", "Data", "# Features"]
    titles = re.split(r" {2,}", lines[-2])
    assert titles == [
        *("size", "samples", "iters", "min", "avg", "max", "total (s)", "prediction"),
        *titles[8:],
    ]
    assert titles[-1] == "total physical (MB)"
    cells = re.split(r" {2,}", lines[-1])
    assert cells[:3] == ["6 bytes", "2", "4"]
    assert all(re.fullmatch(r"\d+\.\d{3}", cell) for cell in cells[3:8])


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("server", ["gunicorn", "fastapi"])
def test_load_and_page(server: str, drum: Drum, tmp_path: Path) -> None:
    """Concurrency and rate on two workers: figures as JSON, and a page that needs no network."""
    words = [
        *("--concurrency", "1", "3", "--rate", "20", "--duration", "0.5", "--warm-up", "0.3"),
        *("--server", server, "--max-workers", "2", "--report", "out.html", "--json"),
    ]
    done = drum("perf-test", "-cd", "m", "--input", "rows.csv", *words)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["server"] in (server, "flask")
    assert report["workers"] == 2
    assert [case["name"] for case in report["cases"]] == ["1 client", "3 clients", "20/s"]
    for case in report["cases"]:
        assert case["problem"] == ""
        latency = case["latency"]
        assert 0 < latency["min"] <= latency["mean"] <= latency["max"]
        assert latency["min"] <= latency["p50"] <= latency["max"]
        assert sum(count for _, _, count in case["histogram"]) == case["requests"] > 0
        assert case["memory"] > 10
    assert report["cases"][2]["requests"] == 10
    assert any(len(sample["processes"]) >= 3 for sample in report["memory"])
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 4
    assert page.count('role="img"') == 4
    assert not re.search(r"(src|href|url\()\s*[=(]?\s*[\"']?(https?:)?//", page)
    assert "<script" not in page


def test_route_of_a_transform_model(drum: Drum, tmp_path: Path) -> None:
    """The target type of the metadata is enough, and the model is asked where it answers."""
    (tmp_path / "rows.csv").write_text("x\n1\n")
    make_folder(tmp_path / "m", metadata=of_type("transform"), custom=TRANSFORM)
    done = drum("perf-test", "-cd", "m", "--input", "rows.csv", "-i", "3", "--warm-up", "0")
    assert done.returncode == 0, done.stdout
    assert "Fail" not in done.stdout


def test_route_of_an_unstructured_model(drum: Drum, tmp_path: Path) -> None:
    """An unstructured model gets the file, its content type and the query."""
    (tmp_path / "text.txt").write_text("hello")
    make_folder(tmp_path / "m", metadata=of_type("unstructured"), custom=ECHO)
    words = ("--query", "a=1", "-i", "3", "--warm-up", "0", "--json")
    done = drum("perf-test", "-cd", "m", "--input", "text.txt", *words)
    assert done.returncode == 0, done.stderr
    [case] = json.loads(done.stdout)["cases"]
    assert (case["requests"], case["samples"]) == (3, None)


def test_runtime_parameters_and_secrets_reach_the_server(drum: Drum, tmp_path: Path) -> None:
    """The server is started with the same parameters and secrets as this run was given."""
    metadata = of_type("regression") + (
        "runtimeParameterDefinitions:\n  - fieldName: FACTOR\n    type: numeric\n"
    )
    custom = """\
    import os
    import pandas as pd
    from datarobot_drum import RuntimeParameters
    def load_model(code_dir):
        assert "MY_KEY" in os.environ
        return RuntimeParameters.get("FACTOR")
    def score(data, model, **kwargs):
        if model != 7:
            raise ValueError("the parameter is not there")
        return pd.DataFrame({"Predictions": data["x"] * model})
    """
    make_folder(tmp_path / "m", metadata=metadata, custom=custom)
    (tmp_path / "rows.csv").write_text("x\n1\n")
    (tmp_path / "parameters.yaml").write_text("FACTOR: 7\n")
    words = ("--runtime-params-file", "parameters.yaml", "--user-secrets-prefix", "MY")
    secret = '{"credentialType": "api_token", "apiToken": "hush-hush"}'
    done = drum(
        *("perf-test", "-cd", "m", "--input", "rows.csv", "-i", "2", "--warm-up", "0", *words),
        MY_KEY=secret,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_chats_are_streamed(drum: Drum, tmp_path: Path) -> None:
    """--chat tells when the first chunk came, which is before the end of the stream."""
    make_folder(tmp_path / "m", metadata=of_type("textgeneration"), custom=CHAT)
    (tmp_path / "prompts.csv").write_text("promptText\nhello\n12\n")
    asked = ("perf-test", "-cd", "m", "--chat", "--warm-up", "0", "--json", "--input")
    words = ("--concurrency", "2", "-i", "6")
    done = drum(*asked, "prompts.csv", *words, TARGET_NAME="answer")
    assert done.returncode == 0, done.stdout + done.stderr
    [case] = json.loads(done.stdout)["cases"]
    assert case["requests"] == 6
    # Two pauses of 50 ms lie between the first chunk and the last.
    assert case["latency"]["mean"] - case["first_byte"]["mean"] >= 0.09


def test_stream_that_breaks_off_fails(drum: Drum, tmp_path: Path) -> None:
    """A stream that ends in an error has status 200, and has failed all the same."""
    make_folder(tmp_path / "m", metadata=of_type("textgeneration"), custom=CHAT)
    (tmp_path / "prompts.csv").write_text("promptText\nbreak\n")
    asked = ("perf-test", "-cd", "m", "--chat", "--warm-up", "0", "--input", "prompts.csv")
    done = drum(*asked, "-i", "2", TARGET_NAME="answer")
    assert done.returncode == 1
    assert "2 of 2 requests failed (stream broken off)" in done.stdout
    assert "the parrot is dead" in done.stdout


@pytest.mark.usefixtures("folder")
def test_failing_requests_fail_the_case(drum: Drum, tmp_path: Path) -> None:
    """A hook that raises is shown as Fail with what it said; --exit-zero is DRUM's exit status."""
    custom = """\
    def load_model(code_dir):
        return 1
    def score(data, model, **kwargs):
        raise ValueError("no such column")
    """
    make_folder(tmp_path / "bad", custom=custom)
    words = ("perf-test", "-cd", "bad", "--input", "rows.csv", "-i", "2", "--warm-up", "0")
    done = drum(*words)
    assert done.returncode == 1
    assert done.stdout.count("Fail") == 4
    assert "2 of 2 requests failed (status 500)" in done.stdout
    assert "no such column" in done.stdout
    assert drum(*words, "--exit-zero").returncode == 0


@pytest.mark.usefixtures("folder")
def test_case_that_takes_too_long(drum: Drum, tmp_path: Path) -> None:
    """A case that is over its time is shown as NA, and the next one still runs."""
    custom = """\
    import time, pandas as pd
    def load_model(code_dir):
        return 1
    def score(data, model, **kwargs):
        time.sleep(4)
        return pd.DataFrame({"Predictions": data["x"]})
    """
    make_folder(tmp_path / "slow", custom=custom)
    words = ("-i", "1", "--timeout", "1", "--warm-up", "0")
    done = drum("perf-test", "-cd", "slow", "--input", "rows.csv", *words)
    assert done.returncode == 1
    assert re.search(r"NA +NA +NA +NA", done.stdout)
    assert "timed out (1s)" in done.stdout


@pytest.mark.usefixtures("folder")
def test_percentile_without_enough_requests_is_not_on_the_page(drum: Drum, tmp_path: Path) -> None:
    """Of five requests the page calls the longest what it is, and it has no line for p99."""
    words = ("--concurrency", "1", "2", "-i", "5", "--warm-up", "0", "--report", "out.html")
    done = drum("perf-test", "-cd", "m", "--input", "rows.csv", *words)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "<span>longest latency</span>" in page
    assert "<span>99th percentile</span>" not in page
    assert "curve p50" in page
    assert "curve p99" not in page


@pytest.mark.usefixtures("folder")
def test_server_that_dies_while_it_is_warmed_up(drum: Drum, tmp_path: Path) -> None:
    """The first case says how it ended, though none was run, and the client is not blamed."""
    custom = """\
    import os, sys, pandas as pd
    def load_model(code_dir):
        return 1
    def score(data, model, **kwargs):
        print("out of paper", file=sys.stderr, flush=True)
        os._exit(3)
    """
    make_folder(tmp_path / "mortal", custom=custom)
    words = ("--concurrency", "1", "2", "--json")
    done = drum("perf-test", "-cd", "mortal", "--input", "rows.csv", *words)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    first, second = (case["problem"] for case in report["cases"])
    assert "while it was warmed up" in first
    assert "ended with status 3" in first
    assert "out of paper" in first
    assert second == "not run, because the server has ended"
    assert report["remarks"] == []


@pytest.mark.usefixtures("folder")
def test_server_that_dies_in_the_middle(drum: Drum, tmp_path: Path) -> None:
    """The case fails with the server's last words, later ones are not run, and nothing hangs."""
    custom = """\
    import os, sys, pandas as pd
    def load_model(code_dir):
        return []
    def score(data, model, **kwargs):
        model.append(1)
        if len(model) > 5:
            print("out of paper", file=sys.stderr, flush=True)
            os._exit(3)
        return pd.DataFrame({"Predictions": data["x"]})
    """
    make_folder(tmp_path / "mortal", custom=custom)
    words = ("--concurrency", "1", "2", "--warm-up", "0", "--json", "--report", "out.html")
    done = drum("perf-test", "-cd", "mortal", "--input", "rows.csv", *words)
    assert done.returncode == 1, done.stderr
    first, second = json.loads(done.stdout)["cases"]
    assert first["requests"] == 5
    assert "ended with status 3" in first["problem"]
    assert "out of paper" in first["problem"]
    assert second["problem"] == "not run, because the server has ended"
    assert "out of paper" in (tmp_path / "out.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("folder")
def test_server_that_never_is_ready(drum: Drum, tmp_path: Path) -> None:
    """A model that is still loading after --ready-timeout ends the run with a reason."""
    custom = """\
    import time
    def load_model(code_dir):
        time.sleep(600)
    def score(data, model, **kwargs):
        return data
    """
    make_folder(tmp_path / "slow", custom=custom)
    done = drum("perf-test", "-cd", "slow", "--input", "rows.csv", "--ready-timeout", "5")
    assert done.returncode == 1
    assert "was not ready within 5 s" in done.stderr


@pytest.mark.usefixtures("folder")
def test_unwritable_report_is_found_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A report that could not be written is refused before the model is loaded."""
    custom = f"""\
    import pathlib
    def load_model(code_dir):
        pathlib.Path({str(tmp_path / "loaded")!r}).touch()
    def score(data, model, **kwargs):
        return data
    """
    make_folder(tmp_path / "noted", custom=custom)
    monkeypatch.chdir(tmp_path)
    words = ["perf-test", "-cd", "noted", "--input", "rows.csv", "--report", "no/out.html"]
    assert main(words) == 1
    assert "does not exist" in capsys.readouterr().err
    assert not (tmp_path / "loaded").exists()


@pytest.mark.usefixtures("folder")
def test_input_without_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A header alone is nothing to send."""
    (tmp_path / "empty.csv").write_text("x\n")
    monkeypatch.chdir(tmp_path)
    assert main(["perf-test", "-cd", "m", "--input", "empty.csv"]) == 1
    assert "has no rows" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_client_that_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the package of the client, the extra to install is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    assert main(["perf-test", "-cd", "m", "--input", "rows.csv"]) == 1
    assert "pip install 'drum-runtime[perf]'" in capsys.readouterr().err


def test_event_loop_is_not_stopped(folder: Path, tmp_path: Path) -> None:
    """An embedder whose event loop would stand still is told to use a thread."""
    options = PerfTestOptions(code_dir=folder, input=tmp_path / "rows.csv")

    async def run() -> None:
        with DrumRuntime(options) as runtime:
            CMRunner(runtime).run()

    with pytest.raises(DrumError, match=r"asyncio\.to_thread"):
        asyncio.run(run())


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--concurrency", "0"), "--concurrency: expected numbers of at least 1"),
        (("--concurrency", "two"), "--concurrency: expected a list of whole numbers"),
        (("--rate", "-1"), "--rate: expected numbers above 0"),
        (("--rate", "nan"), "--rate: expected numbers above 0"),
        (("--duration", "inf"), "--duration: expected a number of at least 0.1"),
        (("-s", "0"), "--samples: expected a whole number of at least 1"),
        (("--url", "localhost:80"), "--url: expected an address such as http://"),
        (("--compare", "a.json", "b.json"), "--compare reads two reports and takes no"),
    ],
)
def test_wrong_words(
    words: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Values that cannot be are told with what is expected, as wrong usage."""
    monkeypatch.chdir(tmp_path)
    assert main(["perf-test", "-cd", "m", "--input", "rows.csv", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_url_measures_a_server_that_runs(drum: Drum, tmp_path: Path) -> None:
    """With --url nothing is started, and the token comes from the environment."""
    words = ("-i", "3", "--warm-up", "0", "--json")
    with child_server([f"--code-dir={tmp_path / 'm'}"]) as server:
        token = server.headers["Authorization"].removeprefix("Bearer ")
        asked = ("perf-test", "-cd", "m", "--input", "rows.csv", "--url", server.url, *words)
        done = drum(*asked, DRUM_SERVER_TOKEN=token)
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert (report["url"], report["workers"]) == (server.url, None)
        assert report["cases"][0]["requests"] == 3
        refused = drum(*asked)
        assert refused.returncode == 1
        assert "refuses access (status 401)" in refused.stderr


@pytest.fixture
def foreign_server() -> Iterator[str]:
    """A server that gives one prediction, whatever it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"{}")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(b'{"predictions": [1]}')

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.usefixtures("folder")
def test_wrong_number_of_predictions_fails(drum: Drum, foreign_server: str) -> None:
    """A server that answers quickly, but not for each row, has failed."""
    words = ("--url", foreign_server, "-s", "3", "-i", "2", "--warm-up", "0")
    done = drum("perf-test", "-cd", "m", "--input", "rows.csv", *words)
    assert done.returncode == 1
    assert "1 predictions for 3 rows" in done.stdout


@pytest.mark.usefixtures("folder")
def test_nobody_listens_at_the_url(drum: Drum) -> None:
    """An address where nothing answers is told, with what to do."""
    words = ("--url", "http://127.0.0.1:9", "--ready-timeout", "1")
    done = drum("perf-test", "-cd", "m", "--input", "rows.csv", *words)
    assert done.returncode == 1
    assert "nothing answers there" in done.stderr


@pytest.mark.usefixtures("folder")
def test_two_reports_are_compared_without_a_model(drum: Drum, tmp_path: Path) -> None:
    """--compare needs no folder; it shows ratios, and as JSON too."""
    words = ("perf-test", "-cd", "m", "--input", "rows.csv", "-i", "20", "--warm-up", "0")
    (tmp_path / "a.json").write_text(drum(*words, "--json").stdout)
    done = drum("perf-test", "--compare", "a.json", "a.json")
    assert done.returncode == 0, done.stderr
    assert "no difference seen" in done.stdout
    shown = json.loads(drum("perf-test", "--compare", "a.json", "a.json", "--json").stdout)
    assert {ratio["ratio"] for case in shown["cases"] for ratio in case["ratios"]} == {1.0}
    refused = drum("perf-test", "--compare", "a.json", "rows.csv")
    assert refused.returncode == 1
    assert "rows.csv is no report of drum perf-test" in refused.stderr


@pytest.mark.usefixtures("folder")
def test_tables_on_a_terminal(drum_on_terminal: Callable[..., tuple[int, str]]) -> None:
    """On a terminal the figures are in a table with lines, and progress leaves nothing behind."""
    words = ("--concurrency", "2", "-i", "10", "--warm-up", "0")
    status, shown = drum_on_terminal("perf-test", "-cd", "m", "--input", "rows.csv", *words)
    assert status == 0, shown
    assert "Requests at the same time, latencies in milliseconds" in shown
    assert re.search(r"│ \S*2 clients", shown)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_leaves_nothing(
    number: signal.Signals, folder: Path, environ: Mapping[str, str], tmp_path: Path
) -> None:
    """Ctrl-C in a case ends the server too, leaves no report, and exits with 130."""
    custom = f"""\
    import os, pathlib, time, pandas as pd
    def load_model(code_dir):
        return 1
    def score(data, model, **kwargs):
        pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(os.getpid()))
        time.sleep(0.2)
        return pd.DataFrame({{"Predictions": data["x"]}})
    """
    make_folder(folder, custom=custom)
    words = ("perf-test", "-cd", "m", "--input", "rows.csv", "--report", "out.html", "-i", "9999")
    process = subprocess.Popen(
        [sys.executable, "-m", "drum_core", *words],
        env={**environ},
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        until = time.monotonic() + 60
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < until
            time.sleep(0.05)
        os.kill(process.pid, number)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert b"interrupted" in said
    assert b"Traceback" not in said
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "pid", "rows.csv"]
