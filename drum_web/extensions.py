"""The extensions of a model folder: `custom_flask.py` and `custom_fastapi.py`."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Final

from drum_core.errors import ExtensionError, listed
from drum_core.model.folder import python_files
from drum_core.model.user_code import UserCode

__all__ = ["load_extension"]

_logger = logging.getLogger(__name__)

HOOK: Final = "init_app"
_FRAMEWORKS: Final = ("flask", "fastapi")


def load_extension(code_dir: Path, framework: str, app: object) -> Path | None:
    """Imports `custom_<framework>.py` of the folder and calls its `init_app` with `app`.

    Returns its path, or `None` where there is none. Raises `ExtensionError` when it is broken,
    when there are several, or when only the other framework's is there.
    """
    found = _files(code_dir, framework)
    if not found:
        _refuse_foreign(code_dir, framework)
        return None
    if len(found) > 1:
        raise ExtensionError(
            f"Expected one custom_{framework}.py in {code_dir}, found {len(found)}: "
            f"{listed(str(path.relative_to(code_dir)) for path in found)}. Keep one of them."
        )
    (path,) = found
    _call_hook(code_dir, path, framework, app)
    _logger.info("loaded the extension %s", path)
    return path


def _files(code_dir: Path, framework: str) -> list[Path]:
    return list(python_files(code_dir, f"custom_{framework}.py"))


def _refuse_foreign(code_dir: Path, framework: str) -> None:
    for other in _FRAMEWORKS:
        found = _files(code_dir, other) if other != framework else []
        if found:
            raise ExtensionError(
                f"{found[0]} is an extension for {other}, and this server is {framework}. It may "
                f"hold the authentication, so it is not passed over: choose --server {other}, "
                f"or port it to custom_{framework}.py."
            )


def _call_hook(code_dir: Path, path: Path, framework: str, app: object) -> None:
    try:
        module = UserCode(code_dir).load(path)
    except Exception as error:
        raise ExtensionError(f"Cannot import {_blame(path, error)}") from error
    hook: object = getattr(module, HOOK, None)
    if not callable(hook):
        kind = "has none" if hook is None else f"has {hook!r}, which cannot be called"
        raise ExtensionError(
            f"{path} must define the function init_app(app), which gets the {framework} "
            f"application; it {kind}."
        )
    try:
        hook(app)
    except Exception as error:
        raise ExtensionError(f"init_app failed in {_blame(path, error)}") from error


def _blame(path: Path, error: Exception) -> str:
    """The user's file, the line in it that led to `error`, and what it said."""
    line: int | None = None
    if isinstance(error, SyntaxError) and error.filename == str(path):
        line = error.lineno
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == str(path):
            line = frame.lineno
    where = f"{path}, line {line}" if line is not None else str(path)
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{where}: {type(error).__name__}: {text or '(no message)'}"
