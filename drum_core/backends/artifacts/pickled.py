"""Reads pickles, also those that joblib wrote."""

from __future__ import annotations

import logging
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path

from drum_core.errors import ArtifactError
from drum_core.registry import import_object

__all__ = ["read_joblib", "read_pickle"]

_logger = logging.getLogger(__name__)


def read_pickle(path: Path) -> object:
    """The object in a `.pkl` file. Raises `ArtifactError`."""
    return _explained(path, _unpickle)


def read_joblib(path: Path) -> object:
    """The object in a `.joblib` file. Raises `ArtifactError`."""
    load = import_object("joblib:load", purpose=f"Reading {path.name}")
    if not callable(load):
        raise ArtifactError(f"{path} cannot be read: the installed joblib has no load function.")
    return _explained(path, load)


def _unpickle(path: Path) -> object:
    """As DRUM: with Latin-1 for the texts of Python 2, then by the defaults."""
    try:
        with path.open("rb") as file:
            return pickle.load(file, encoding="latin1")
    except UnicodeDecodeError:
        with path.open("rb") as file:
            return pickle.load(file)


def _explained(path: Path, read: Callable[[Path], object]) -> object:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = read(path)
        except Exception as error:
            raise ArtifactError(_advice(path, error)) from error
    for text in {str(warning.message) for warning in caught}:
        _logger.warning("%s: %s", path.name, " ".join(text.split()))
    return found


def _advice(path: Path, error: Exception) -> str:
    said = f"An error occurred when loading your artifact {path}: {type(error).__name__}: {error}."
    if isinstance(error, ModuleNotFoundError):
        return (
            f"{said} It was made with the package {error.name!r}, which is not installed here; "
            "install it, or put the module into the model folder."
        )
    if isinstance(error, AttributeError):
        return (
            f"{said} The class it was made from is not where it was: define it in custom.py or in "
            "a module of the model folder, and make the artifact with that."
        )
    if isinstance(error, (EOFError, pickle.UnpicklingError)):
        return f"{said} The file is cut short or is not a pickle; make it again."
    return f"{said} It may have been made with other versions of its packages; make it again here."
