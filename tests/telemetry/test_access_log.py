from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest

from tests.core.served import CSV, get, post, serving
from tests.model_folders import DOUBLE, make_folder
from tests.security.live import SERVERS, operated
from tests.web.live import wait_until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01")

LOGGING = """\
import logging
import pandas as pd

def load_model(code_dir):
    return 2

def score(data, model, **kwargs):
    logging.getLogger("my.model").warning("seen %d", len(data))
    return pd.DataFrame({"Predictions": data["x"] * model})
"""


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The access log so far."""
    return [item.getMessage() for item in caplog.records if item.name == "drum.access"]


def test_each_request_but_a_probe_is_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Method, path, status, time and rows; nothing of the query, which may hold secrets."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    with caplog.at_level(logging.INFO, "drum.access"), serving(folder, access_log=True) as host:
        get(host, "/readyz")
        post(host, "x\n1\n2\n", *CSV, target="/predict/?key=secret")
        post(host, "", *CSV)
        get(host, "/info/")
    found = lines(caplog)
    assert [re.sub(r"[\d.]+ ms", "N ms", line) for line in found] == [
        "POST /predict/ 200 in N ms, 2 rows",
        "POST /predict/ 422 in N ms",
        "GET /info/ 200 in N ms",
    ]
    assert "secret" not in caplog.text


def test_it_is_off_by_default(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody has asked for it."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    with caplog.at_level(logging.INFO, "drum.access"), serving(folder) as host:
        post(host, "x\n1\n", *CSV)
    assert lines(caplog) == []


def test_the_times_are_told_to_a_traced_request(tmp_path: Path) -> None:
    """`Server-Timing` has the stages in their order; an untraced request is not told."""
    with serving(make_folder(tmp_path / "m", custom=DOUBLE)) as host:
        told = post(host, "x\n1\n", *CSV, TRACEPARENT).headers.get("Server-Timing", "")
        assert "Server-Timing" not in post(host, "x\n1\n", *CSV).headers
        assert "Server-Timing" not in post(host, "x\n1\n", *CSV, ("traceparent", "x")).headers
    assert re.fullmatch(
        r"queue;dur=[\d.]+, read;dur=[\d.]+, predict;dur=[\d.]+, write;dur=[\d.]+", told
    )


@pytest.mark.parametrize("server", SERVERS)
def test_every_line_is_an_object_with_request_and_trace(tmp_path: Path, server: str) -> None:
    """All that a server writes, its own software included, is JSON; a hook's records have both."""
    folder = make_folder(tmp_path / "m", custom=LOGGING)
    words = ["--server", server, "--log-format", "json", "--access-log"]
    with operated(folder, words, log=tmp_path / "log") as running:
        head = f"Host: x\r\nConnection: close\r\ntraceparent: {TRACEPARENT[1]}\r\n"
        wait_until(lambda: "the model is ready" in running.log)
        running.raw(
            f"POST /predict/ HTTP/1.1\r\n{head}X-Request-ID: r-7\r\nContent-Type: text/csv\r\n"
            "Content-Length: 4\r\n\r\nx\n1\n".encode()
        )
        running.raw(f"GET /livez HTTP/1.1\r\n{head}\r\n".encode())
        running.raw(f"GET /no\tthing HTTP/1.1\r\n{head}\r\n".encode())
        running.raw(f"GET /nothing HTTP/1.1\r\n{head}\r\n".encode())
        wait_until(lambda: "/nothing" in running.log)
        running.process.terminate()
        running.process.wait(15)
        log = running.log
    records = [json.loads(line) for line in log.splitlines()]
    access = [one for one in records if one["logger"] == "drum.access"]
    asked = [(one["method"], one["path"], one["status"]) for one in access]
    assert asked[0] == ("POST", "/predict/", 200)
    assert ("GET", "/nothing", 404) in asked
    assert "/livez" not in log
    one = access[0]
    assert (one["request_id"], one["trace_id"], one["route"], one["rows"]) == (
        *("r-7", TRACE, "/predict/", 1),
    )
    assert one["duration_ms"] > 0
    assert one["worker_pid"] > 0
    [said] = [one for one in records if one["logger"] == "my.model"]
    assert (said["message"], said["request_id"], said["trace_id"]) == ("seen 1", "r-7", TRACE)
    assert said["timestamp"].endswith("Z")
