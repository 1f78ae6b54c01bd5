"""Reads pickles, also those that joblib wrote."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import cast

from drum_core.backends.artifacts import ReadArtifact
from drum_core.backends.artifacts.reading import explained
from drum_core.registry import import_object

__all__ = ["read_joblib", "read_pickle"]


def read_pickle(path: Path) -> object:
    """The object in a `.pkl` file. Raises `ArtifactError`."""
    return explained(path, _unpickle, "a pickle", pickled=True)


def read_joblib(path: Path) -> object:
    """The object in a `.joblib` file. Raises `ArtifactError`."""
    load = import_object("joblib:load", purpose=f"Reading {path.name}")
    kind = "a file that joblib.dump wrote"
    return explained(path, cast("ReadArtifact", load), kind, pickled=True)


def _unpickle(path: Path) -> object:
    """As DRUM: with Latin-1 for the texts of Python 2, then by the defaults."""
    try:
        with path.open("rb") as file:
            return pickle.load(file, encoding="latin1")
    except UnicodeDecodeError:
        with path.open("rb") as file:
            return pickle.load(file)
