"""A model behind a token, a list of hosts and a list of pages: an `Assemble` with a name."""

from __future__ import annotations

import tempfile
from pathlib import Path

from drum_core import CMRunner, DrumRuntime, ServerOptions, WebApp, WorkerContext
from tests.model_folders import make_folder

PREFIX = "/m"
TOKENS = ("first-token-0123456789", "second-token-0123456789")
HOST = "model.example.com"
PAGE = "https://app.example.com"
CUSTOM = """
    import json

    def load_model(code_dir):
        return 1

    def score_unstructured(model, data, query, headers, **kwargs):
        return json.dumps(sorted(headers))

    def chat(completion_create_params, model):
        raise AssertionError("not reached without a token")
"""
METADATA = "name: secured\ntype: inference\ntargetType: unstructured\n"


def assemble(app: WebApp, worker: WorkerContext, /) -> None:
    """Mounts it under `PREFIX`; its folder lives as long as the worker."""
    folder = tempfile.TemporaryDirectory(prefix="drum-secured-")
    worker.defer_cleanup(folder.cleanup, order=-100)
    make_folder(Path(folder.name), metadata=METADATA, custom=CUSTOM)
    options = ServerOptions(
        code_dir=Path(folder.name),
        url_prefix=PREFIX,
        server_token=",".join(TOKENS),
        trusted_hosts=(HOST, "*.internal"),
        cors_origins=(PAGE,),
    )
    runtime = DrumRuntime(options)
    worker.defer_cleanup(runtime.close)
    CMRunner(runtime, app=app, worker_ctx=worker).run()
