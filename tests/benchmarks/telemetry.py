"""What telemetry costs: predictions a second with nothing on, with metrics, logs, and all of it.

    python -m tests.benchmarks.telemetry --seconds 2 --rounds 5

The servers run beside each other and are asked in turn; the collector of OpenTelemetry takes what
comes and drops it.
"""

from __future__ import annotations

import argparse
import contextvars
import os
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from opentelemetry import trace

from drum_core.messages import Request, RoutePolicy
from drum_core.request_record import RequestRecord, current_record
from drum_core.serving.watches import Watch
from drum_core.tally import TALLY_SIZE, Tally
from drum_core.telemetry.measures import Measures, tally_sink
from drum_core.telemetry.spans import Spans
from tests.benchmarks.predictions import DRUM, rate
from tests.benchmarks.served import served
from tests.model_folders import REGRESSION, linear_model, make_folder


class Sink(BaseHTTPRequestHandler):
    """A collector without a memory."""

    def do_POST(self) -> None:
        """Takes a request."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def watches(times: int = 20000) -> dict[str, float]:
    """What each watch takes by itself; for OpenTelemetry in an application that has no SDK."""
    request = Request(method="POST", path="/predict/")
    routes = {"predict": "/predict/"}
    kinds: dict[str, Watch] = {
        "no watch": lambda name, policy, request: lambda status: None,
        "watch of metrics": Measures([tally_sink(Tally(bytearray(TALLY_SIZE)))], routes).watch,
        "watch of spans, no SDK": Spans(trace.get_tracer("x"), routes, {}).watch,
    }
    found = {}
    for kind, watch in kinds.items():
        began = time.thread_time()
        for _ in range(times):
            record = RequestRecord("a", time.monotonic())
            record.stages = {"queue": 0.001, "read": 0.001, "predict": 0.002, "write": 0.001}
            record.rows = 1
            current_record.set(record)
            contextvars.copy_context().run(watch, "predict", RoutePolicy.PREDICT, request)(200)
        found[kind] = (time.thread_time() - began) / times * 1e6
    return found


def main() -> int:
    """Measures, and tells the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="uvicorn")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    for name, microseconds in watches().items():
        sys.stdout.write(f"{name}: {microseconds:.1f} µs of processor time a request\n")
    collector = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{collector.server_port}"
    off = ["--metrics", "off"]
    kinds = {
        "nothing": (off, {}),
        "metrics": ([], {}),
        "access log": ([*off, "--access-log", "--log-format", "json"], {}),
        "OpenTelemetry": (off, {"OTEL_EXPORTER_OTLP_ENDPOINT": url}),
    }
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = make_folder(Path(scratch, "model"), metadata=REGRESSION, artifact=linear_model())
        ports = {}
        for name, (words, variables) in kinds.items():
            os.environ.update(variables)
            every = ["server", "-cd", str(folder), "--address", "127.0.0.1:0"]
            every += ["--server", asked.server, *words]
            # The log of a ready server says where it listens, as text or as JSON.
            log = Path(scratch, f"{name}.log")
            ports[name] = stack.enter_context(served(DRUM, every, log, ready="/readyz"))
            for variable in variables:
                del os.environ[variable]
        rates: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(asked.rounds):
            for name, port in ports.items():
                rates[name].append(rate(port, b"a,b\n1.5,2.5\n", asked.seconds, 4))
        base = statistics.median(rates["nothing"])
        for name, found in rates.items():
            each = statistics.median(found)
            more = (1 / each - 1 / base) * 1e6
            sys.stdout.write(f"{name}: {each:.0f} a second, {more:+.0f} µs a request\n")
    collector.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
