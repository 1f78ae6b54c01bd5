"""Reads an artifact with the framework that its file name stands for."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Final, cast

from drum_core.backends.artifacts import READERS, ReadArtifact
from drum_core.errors import ArtifactError, DrumError
from drum_core.registry import import_object, missing_extra

__all__ = ["explained", "read_artifact"]

_logger = logging.getLogger(__name__)

_LONGEST: Final = 300
"""Characters of a framework's own error text; some append a stack trace of their C++ code."""


def read_artifact(path: Path) -> object:
    """The object in the file.

    Raises `ArtifactError`, or `MissingExtraError` when its framework is not installed.
    """
    reader = READERS.get(path.name) or READERS.get(path.suffix.lower())
    if reader is None:
        raise ArtifactError(
            f"{path.name} cannot be read: expected an extension among {', '.join(READERS)}. Write "
            "a load_model hook in custom.py that reads it."
        )
    return cast("ReadArtifact", import_object(reader, purpose=f"Reading {path.name}"))(path)


def explained(path: Path, read: ReadArtifact, kind: str, *, pickled: bool = False) -> object:
    """What `read` gives; its warnings go to the log, its errors become one `ArtifactError`.

    `kind` says what the file should be, as in "a model that Booster.save_model wrote"; `pickled`,
    that it holds the names of classes, which may be missing or may have changed.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = read(path)
        except DrumError:
            raise
        except Exception as error:
            if extra := missing_extra(error, purpose=f"Reading {path.name}"):
                raise extra from error
            raise ArtifactError(_advice(path, error, kind, pickled)) from error
    for text in sorted({str(entry.message) for entry in caught if _concerns_users(entry)}):
        _logger.warning("%s: %s", path.name, " ".join(text.split()))
    return found


def _concerns_users(entry: warnings.WarningMessage) -> bool:
    """Deprecations are for those who write the code that calls, which is this module's."""
    return not issubclass(entry.category, (DeprecationWarning, PendingDeprecationWarning))


def _advice(path: Path, error: Exception, kind: str, pickled: bool) -> str:
    said = " ".join(str(error).partition("Stack trace:")[0].split()) or "(no message)"
    short = said[:_LONGEST].rstrip(". ")
    said = f"An error occurred when loading your artifact {path}: {type(error).__name__}: {short}."
    if isinstance(error, ModuleNotFoundError):
        return (
            f"{said} It was made with the package {error.name!r}, which is not installed here; "
            "install it, or put the module into the model folder."
        )
    if pickled and isinstance(error, AttributeError):
        return (
            f"{said} The class it was made from is not where it was: define it in custom.py or in "
            "a module of the model folder, and make the artifact with that."
        )
    if pickled and isinstance(error, (ImportError, TypeError, KeyError)):
        return (
            f"{said} It may have been made with other versions of its packages; make it again here."
        )
    return (
        f"{said} Expected {kind}; the file may be cut short, of another kind, or of another "
        "version. Please make it again."
    )
