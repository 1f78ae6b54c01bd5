"""Names that stand for objects: tables of import strings, and the entry points of servers."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Final

from drum_core.errors import MissingExtraError, ServerError, listed

__all__ = ["SERVER_GROUP", "import_object", "load_server", "missing_extra", "server_names"]

SERVER_GROUP: Final = "drum.servers"

_EXTRAS: Final[Mapping[str, str]] = {
    "flask": "flask",
    "werkzeug": "flask",
    "gunicorn": "flask",
    "fastapi": "fastapi",
    "starlette": "fastapi",
    "uvicorn": "fastapi",
    "anyio": "fastapi",
    "uvloop": "fastapi",
    "httptools": "fastapi",
    "sklearn": "sklearn",
    "joblib": "sklearn",
    "scipy": "sparse",
    "pyarrow": "arrow",
    "backports": "zstd",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
    "torch": "torch",
    "keras": "keras",
    "onnxruntime": "onnx",
    "sklearn_pmml_model": "pmml",
    "mlflow": "mlflow",
    "aiohttp": "perf",
    "fsspec": "s3",
    "s3fs": "s3",
    "datarobot_mlops": "mlops",
    "datarobot": "mlops",
}


def import_object(target: str, *, purpose: str) -> object:
    """The object that `"module:attribute"` names.

    Raises `MissingExtraError` when an optional package on the way is not installed. Every other
    error of the module comes through as it is: a module that is there but broken is not missing.
    """
    module_name, _, attribute = target.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if (missing := missing_extra(error, purpose=purpose)) is None:
            raise
        raise missing from error
    found: object = getattr(module, attribute)
    return found


def missing_extra(error: Exception, *, purpose: str) -> MissingExtraError | None:
    """What to raise instead of an import error, when an extra would mend it."""
    if not isinstance(error, ModuleNotFoundError):
        return None
    package = (error.name or "").partition(".")[0]
    if package not in _EXTRAS:
        return None
    return MissingExtraError(package, extra=_EXTRAS[package], purpose=purpose)


def server_names() -> list[str]:
    """The names of all installed servers, sorted."""
    return sorted({point.name for point in entry_points(group=SERVER_GROUP)})


def load_server(name: str) -> object:
    """The server of that name: what its entry point in the group `drum.servers` stands for.

    Raises `ServerError` when no installed package offers it, `MissingExtraError` when what it is
    made of is not installed.
    """
    points = {point.name: point for point in entry_points(group=SERVER_GROUP)}
    if name not in points:
        known = listed(sorted(points)) or "none; the package drum-runtime is not installed properly"
        raise ServerError(f"There is no server {name!r}. Installed: {known}.")
    return import_object(points[name].value, purpose=f"The server {name!r}")
