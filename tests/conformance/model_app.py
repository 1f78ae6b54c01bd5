"""A small real model on any application: an `Assemble` that a server finds by its name."""

from __future__ import annotations

import tempfile
from pathlib import Path

from drum_core import CMRunner, DrumRuntime, ServerOptions, WebApp, WorkerContext
from tests.model_folders import MULTICLASS, iris_model, make_folder

PREFIX = "/iris"


def assemble(app: WebApp, worker: WorkerContext, /) -> None:
    """Mounts the iris model under `PREFIX`; its folder lives as long as the worker."""
    # An extension is looked for everywhere below the folder, so it is one of its own.
    folder = tempfile.TemporaryDirectory(prefix="drum-iris-")
    worker.defer_cleanup(folder.cleanup, order=-100)
    make_folder(Path(folder.name), metadata=MULTICLASS, artifact=iris_model())
    runtime = DrumRuntime(ServerOptions(code_dir=Path(folder.name), url_prefix=PREFIX))
    worker.defer_cleanup(runtime.close)
    CMRunner(runtime, app=app, worker_ctx=worker).run()
