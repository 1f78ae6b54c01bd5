"""A model that is slow when it is asked to be, under tight limits: an `Assemble` for any server."""

from __future__ import annotations

import tempfile
from pathlib import Path

from drum_core import CMRunner, DrumRuntime, ServerOptions, WebApp, WorkerContext
from tests.model_folders import make_folder

BODY_LIMIT = 200_000
SPOOL_SIZE = 10_000

METADATA = "name: limited\ntype: inference\ntargetType: unstructured\n"

CUSTOM = """\
import json
import os
import threading
import time
from pathlib import Path


SPOOL = Path(__file__).parent / "spool"


class ChatCompletionChunk:
    object = "chat.completion.chunk"

    def __init__(self, text):
        self.text = text

    def to_json(self, indent=None):
        return json.dumps({"text": self.text})


def load_model(code_dir):
    return "model"


def score_unstructured(model, data, query, headers):
    word, _, rest = (data if isinstance(data, str) else "bytes").partition(" ")
    if word == "sleep":
        time.sleep(float(rest))
    if word == "holds":
        return json.dumps({"files": len(os.listdir("/proc/self/fd")),
                           "spooled": len(os.listdir(SPOOL))})
    if word == "thread":
        return threading.current_thread().name
    return str(len(data))


def chat(completion_create_params, model):
    what = completion_create_params["messages"][-1]["content"]
    if what == "late":
        time.sleep(2.4)
    yield ChatCompletionChunk("first")
    if what == "stalls":
        time.sleep(2.4)
    for number in range(150 if what == "long" else 2):
        if what == "long":
            time.sleep(0.02)
        yield ChatCompletionChunk(f"more {number}")
"""


def assemble(app: WebApp, worker: WorkerContext, /) -> None:
    """Mounts the model; its folder lives as long as the worker."""
    scratch = tempfile.TemporaryDirectory(prefix="drum-limited-")
    worker.defer_cleanup(scratch.cleanup, order=-100)

    folder = make_folder(Path(scratch.name, "model"), metadata=METADATA, custom=CUSTOM)
    (folder / "spool").mkdir()
    options = ServerOptions(
        code_dir=folder,
        max_waiting=2,
        max_wait=1,
        request_timeout=2,
        stream_idle_timeout=1,
        stream_timeout=2,
        max_body_size=BODY_LIMIT,
        body_idle_timeout=1,
        body_timeout=2,
        spool_size=SPOOL_SIZE,
        spool_dir=folder / "spool",
    )
    runtime = DrumRuntime(options)
    worker.defer_cleanup(runtime.close)
    CMRunner(runtime, app=app, worker_ctx=worker).run()
