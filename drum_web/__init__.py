"""The web frameworks and servers, and nothing else: what carries the core's routes to HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drum_web.fastapi_app import FastAPIApp
    from drum_web.flask_app import FlaskApp
    from drum_web.gunicorn_worker import WorkerCtx
    from drum_web.uvicorn_worker import FastAPIWorkerCtx

__all__ = ["FastAPIApp", "FastAPIWorkerCtx", "FlaskApp", "WorkerCtx"]

_HOMES = {
    "FastAPIApp": "drum_web.fastapi_app",
    "FastAPIWorkerCtx": "drum_web.uvicorn_worker",
    "FlaskApp": "drum_web.flask_app",
    "WorkerCtx": "drum_web.gunicorn_worker",
}


def __getattr__(name: str) -> object:
    # Late, so that one framework can be used where the other is not installed. A missing one
    # is named with the extra that installs it.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from drum_core.registry import import_object

    return import_object(f"{_HOMES[name]}:{name}", purpose=name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
