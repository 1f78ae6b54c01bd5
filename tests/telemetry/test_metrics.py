"""`/metrics` as a real Prometheus client reads it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from drum_core import CMRunner, DrumRuntime, LocalWorker, ServerOptions
from drum_core.errors import MissingExtraError
from drum_core.testing import DictHost
from tests.core.served import CSV, await_state, get, post, serving
from tests.model_folders import DOUBLE, make_folder
from tests.security.live import SERVERS, Operated, operated
from tests.web.live import parse, wait_until

DURATION = "http_server_request_duration_seconds"


class Samples:
    """The samples of one answer of `/metrics`."""

    def __init__(self, text: str) -> None:
        families = list(text_string_to_metric_families(text))
        self.types = {family.name: family.type for family in families}
        self.samples = [sample for family in families for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels."""
        return sum(one.value for one in self.samples if _has(one.name, one.labels, name, labels))


def _has(name: str, found: Mapping[str, str], wanted: str, labels: Mapping[str, str]) -> bool:
    return name == wanted and labels.items() <= found.items()


def scraped(host: DictHost, prefix: str = "") -> Samples:
    """What Prometheus sees."""
    answer = get(host, f"{prefix}/metrics")
    assert answer.status == 200, answer.body
    return Samples(answer.body.decode())


def test_requests_rows_and_stages_are_counted(tmp_path: Path) -> None:
    """Each request once, by method, route and status; probes and the scrape itself not at all."""
    with serving(make_folder(tmp_path / "m", custom=DOUBLE)) as host:
        for target in ("/predict/", "/predictions", "/invocations"):
            post(host, "x\n1\n2\n", *CSV, target=target)
        post(host, "y\n1\n", *CSV)
        post(host, "", *CSV)
        get(host, "/readyz")
        scraped(host)
        found = scraped(host)
    count = f"{DURATION}_count"
    predict = {"model": "doubled", "http_request_method": "POST", "http_route": "/predict/"}
    assert found.value(count, **predict, http_response_status_code="200") == 3
    assert found.value(count, **predict, http_response_status_code="500") == 1
    assert found.value(count, **predict, http_response_status_code="422") == 1
    assert found.value(count) == 5
    assert found.value(f"{DURATION}_bucket", le="+Inf") == 5
    assert 0 < found.value(f"{DURATION}_sum") < 60
    assert found.value("http_server_request_body_size_bytes_sum") == 3 * 6 + 4
    assert found.value("http_server_active_requests") == 0
    assert found.value("drum_rows_total", model="doubled") == 6
    assert found.value("drum_batch_rows_bucket", le="10.0") == 3
    assert found.value("drum_predict_duration_seconds_count", stage="write") == 3
    assert found.value("drum_queue_wait_seconds_count") == 5
    assert found.value("drum_ready") == 1
    assert found.value("drum_model_load_seconds") > 0
    assert found.value("drum_worker_rss_bytes", worker="0") > 1e6
    assert found.value("drum_model_info", server_type="dict", target_type="regression") == 1
    assert found.types[DURATION] == "histogram"


def test_openmetrics_is_spoken(tmp_path: Path) -> None:
    """A client that accepts OpenMetrics gets it, and its strict parser takes it."""
    with serving(make_folder(tmp_path / "m", custom=DOUBLE)) as host:
        post(host, "x\n1\n", *CSV)
        answer = get(host, "/metrics", ("Accept", "application/openmetrics-text; version=1.0.0"))
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    text = answer.body.decode()
    found = openmetrics_families(text)  # type: ignore[no-untyped-call] # as it is published
    families = {family.name for family in found}
    assert {"drum_rows", DURATION, "drum_model_info"} <= families


def test_who_is_refused_is_counted_by_why(tmp_path: Path) -> None:
    """A body over the limit, and a request without a token."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    token = "0123456789abcdef0123456789abcdef"
    with serving(folder, metrics="open", max_body_size=10, server_token=token) as host:
        post(host, "x\n" * 20, *CSV, ("Authorization", f"Bearer {token}"))
        post(host, "x\n1\n", *CSV)
        found = scraped(host)
    assert found.value("drum_rejected_total", reason="body_too_large") == 1
    assert found.value("drum_rejected_total", reason="unauthorized") == 1


@pytest.mark.parametrize(
    ("metrics", "bare", "with_token"), [("on", 401, 200), ("open", 200, 200), ("off", 401, 404)]
)
def test_the_token_guards_it(tmp_path: Path, metrics: str, bare: int, with_token: int) -> None:
    """Unless it is open; nothing else is opened by that."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    token = "0123456789abcdef0123456789abcdef"
    with serving(folder, metrics=metrics, server_token=token) as host:
        assert get(host, "/metrics").status == bare
        authorization = ("Authorization", f"Bearer {token}")
        assert get(host, "/metrics/", authorization).status == with_token
        assert get(host, "/info/").status == 401


def test_models_of_one_process_are_apart(tmp_path: Path) -> None:
    """Each has its own page, its own numbers and its own label."""
    host = DictHost()
    with LocalWorker() as worker:
        for name in ("one", "two"):
            metadata = f"name: {name}\ntype: inference\ntargetType: regression\n"
            folder = make_folder(tmp_path / name, custom=DOUBLE, metadata=metadata)
            options = ServerOptions(code_dir=folder, url_prefix=f"/{name}")
            with DrumRuntime(options) as runtime:
                CMRunner(runtime, app=host, worker_ctx=worker).run()
            await_state(host, f"/{name}")
        post(host, "x\n1\n", *CSV, target="/one/predict/")
        one, two = scraped(host, "/one"), scraped(host, "/two")
    assert one.value("drum_rows_total", model="one") == 1
    assert one.value(f"{DURATION}_count", http_route="/one/predict/") == 1
    assert two.value("drum_rows_total") == 0
    assert two.value("drum_model_info", model="two", url_prefix="/two") == 1


def test_without_the_package_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """501 where it is there by default; an error before the start where it was asked for."""
    monkeypatch.setattr("drum_core.telemetry.exposition.find_spec", lambda name: None)
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    with serving(folder) as host:
        assert post(host, "x\n1\n", *CSV).status == 200
        answer = get(host, "/metrics")
        assert answer.status == 501
        assert "pip install 'drum-runtime[prometheus]'" in json.loads(answer.body)["message"]
    with pytest.raises(MissingExtraError), serving(folder, sources={"metrics": "--metrics"}):
        pass


def ask(server: Operated, request: str, body: bytes = b"") -> tuple[int, bytes]:
    """One request on a connection of its own."""
    head = f"{request} HTTP/1.0\r\nHost: x\r\nContent-Type: text/csv\r\n"
    sent = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    answer = server.raw(sent).replace(b"HTTP/1.0", b"HTTP/1.1", 1)
    return parse(answer)


def seen(server: Operated) -> Samples:
    """What Prometheus sees of a live server, whichever worker answers."""
    status, body = ask(server, "GET /metrics")
    assert status == 200, body
    return Samples(body.decode())


@pytest.mark.parametrize("server", SERVERS)
def test_totals_are_of_all_workers_and_never_go_back(tmp_path: Path, server: str) -> None:
    """Two workers, one of them killed and replaced: each scrape has every request so far."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    words = ["--server", server, "--max-workers", "2", "--show-perf"]
    with operated(folder, words, log=tmp_path / "log") as running:
        wait_until(lambda: seen(running).value("drum_workers", state="ready") == 2)
        for _ in range(20):
            assert ask(running, "POST /predict/", b"x\n1\n2\n")[0] == 200
        for _ in range(5):
            assert seen(running).value("drum_rows_total") == 40
        stats = json.loads(ask(running, "GET /stats/")[1])
        pids = [one["pid"] for one in stats["drum_info"]]
        assert len(pids) == 2
        assert stats["mem_info"]["drum_rss"] == pytest.approx(
            sum(one["mem"] for one in stats["drum_info"]), rel=0.2
        )
        times = stats["time_info"]["run_predictor_total"]
        assert 0 <= times["min"] <= times["avg"] <= times["max"] <= times["total"]
        os.kill(pids[0], signal.SIGKILL)
        until = time.monotonic() + 40
        died: float = 0
        while died == 0 or seen(running).value("drum_workers", state="ready") < 2:
            try:
                found = seen(running)
            except (AssertionError, OSError):  # a connection that the dead one had accepted
                continue
            assert found.value("drum_rows_total") == 40
            died = found.value("drum_worker_restarts_total", cause="died")
            assert time.monotonic() < until, running.log
        assert ask(running, "POST /predict/", b"x\n1\n2\n")[0] == 200
        found = seen(running)
        assert found.value("drum_rows_total") == 42
        assert found.value(f"{DURATION}_count", http_route="/predict/") == 21
        assert found.value("drum_worker_restarts_total", cause="died") == 1
        again = json.loads(ask(running, "GET /stats/")[1])["time_info"]["run_predictor_total"]
        assert again["total"] >= times["total"]
        assert again["min"] <= times["min"]
