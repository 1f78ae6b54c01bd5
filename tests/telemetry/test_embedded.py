"""A model in somebody else's application, which has OpenTelemetry of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.model_folders import DOUBLE, make_folder

ROOT = Path(__file__).parents[2]

APPLICATION = """\
import json, sys, time
from pathlib import Path
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from drum_core import CMRunner, DrumRuntime, ServerOptions
from drum_web import FastAPIApp, FastAPIWorkerCtx

spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
tracing = TracerProvider()
tracing.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(tracing)
metrics.set_meter_provider(MeterProvider([reader]))
worker = FastAPIWorkerCtx()
app = FastAPI(lifespan=worker.lifespan)
with DrumRuntime(ServerOptions(code_dir=Path(sys.argv[1]), url_prefix="/m")) as runtime:
    CMRunner(runtime, app=FastAPIApp(app), worker_ctx=worker).run()
with TestClient(app) as client:
    while client.get("/m/readyz").status_code != 200:
        time.sleep(0.02)
    answer = client.post("/m/predict/", content="x\\n1\\n", headers={"Content-Type": "text/csv"})
    assert answer.status_code == 200, answer.text
names = {span.context.span_id: span.name for span in spans.get_finished_spans()}
parents = [
    names.get(span.parent.span_id) if span.parent else None
    for span in spans.get_finished_spans() if span.name == "drum.invocations"
]
found = {}
for resource in reader.get_metrics_data().resource_metrics:
    for scope in resource.scope_metrics:
        for metric in scope.metrics:
            found[metric.name] = found.get(metric.name, 0) + sum(
                point.count for point in metric.data.data_points
                if hasattr(point, "count") and "ready" not in str(point.attributes))
print(json.dumps({"parents": parents, "metrics": found}))
"""


def test_nothing_is_counted_twice_beside_fastapi(tmp_path: Path) -> None:
    """FastAPI measures the request and has the outer span; ours is within it."""
    pytest.importorskip("fastapi.telemetry", reason="this FastAPI has no telemetry of its own")
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", APPLICATION, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["metrics"]["http.server.request.duration"] == 1
    assert found["metrics"]["drum.batch.rows"] == 1
    [parent] = found["parents"]
    assert parent is not None
    assert "/predict/" in parent
