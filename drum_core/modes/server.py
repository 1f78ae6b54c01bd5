"""`drum server`: serves a model on a server of its own, or mounts it onto an application."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, cast

from drum_core.errors import OptionError
from drum_core.model.folder import open_folder, python_files
from drum_core.model.target import resolve_target
from drum_core.options.server import ServerOptions
from drum_core.protocols import Assemble, WebApp, WorkerContext
from drum_core.registry import load_server, server_names
from drum_core.results import ServerResult
from drum_core.security.tls import Certificates
from drum_core.serving.prediction_server import PredictionServer, prepare_answers

if TYPE_CHECKING:
    from drum_core.model.target import Target
    from drum_core.protocols import Serve

__all__ = ["assemble", "check", "choose_server", "mount", "serve"]

FLASK_EXTENSION: Final = "custom_flask.py"
FASTAPI_EXTENSION: Final = "custom_fastapi.py"


def mount(options: ServerOptions, app: WebApp, worker: WorkerContext) -> ServerResult:
    """Puts the model's routes onto `app`, which somebody else serves."""
    PredictionServer(options, app=app, worker_ctx=worker).materialize()
    return ServerResult(mounted=True)


def serve(options: ServerOptions) -> ServerResult:
    """Runs the server that the options choose, until it is told to end.

    What is wrong with the folder itself is found here, before any process listens, unless the
    error server shall tell it. Raises `DrumError`.
    """
    run = cast("Serve", load_server(choose_server(options)))
    _check_tls(options)
    if not options.with_error_server:
        _check_model(options)
    prepared: Assemble = functools.partial(assemble, options)
    return ServerResult(mounted=False, exit_status=run(options.settings(), prepared))


def check(options: ServerOptions) -> Target:
    """Does all that can be done before a process listens; gives what the model predicts.

    No code of the folder is run and the model is not loaded. Raises `DrumError`.
    """
    load_server(choose_server(options))
    _check_tls(options)
    return _check_model(options)


def _check_tls(options: ServerOptions) -> None:
    if (tls := options.tls()) is not None:
        Certificates(tls)


def _check_model(options: ServerOptions) -> Target:
    target = resolve_target(options, open_folder(options).metadata)
    prepare_answers(options, target)
    return target


def assemble(options: ServerOptions, app: WebApp, worker: WorkerContext) -> None:
    """What a server calls in each of its workers."""
    server = PredictionServer(options, app=app, worker_ctx=worker, owns_process=True)
    server.materialize()


def choose_server(options: ServerOptions) -> str:
    """The server asked for; without one, gunicorn where only a Flask extension is, else uvicorn.

    Raises `OptionError` for a name that no installed package offers.
    """
    if options.server is None:
        flask = any(python_files(options.code_dir, FLASK_EXTENSION))
        fastapi = any(python_files(options.code_dir, FASTAPI_EXTENSION))
        return "gunicorn" if flask and not fastapi else "uvicorn"
    name = options.server.lower()
    known = server_names()
    if name not in known:
        source = options.sources.get("server", "server")
        raise OptionError(source, options.server, f"one of {', '.join(known)}")
    return name
