"""Reads pickles, also those that joblib wrote."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Final, cast

from drum_core.backends.artifacts import ReadArtifact
from drum_core.backends.artifacts.reading import explained
from drum_core.registry import import_object

__all__ = ["read_joblib", "read_pickle"]

_COMPRESSED: Final = (b"\x1f\x8b", b"\x78", b"BZ", b"\xfd7zXZ", b"\x5d\x00", b"\x04\x22\x4d\x18")
"""How files of gzip, zlib, bzip2, xz, lzma and lz4 begin."""


def read_pickle(path: Path) -> object:
    """The object in a `.pkl` file, which joblib may have written too. Raises `ArtifactError`."""
    return explained(path, _load, "a pickle", pickled=True)


def read_joblib(path: Path) -> object:
    """The object in a `.joblib` file. Raises `ArtifactError`."""
    return explained(path, _joblib_load(path), "a file that joblib.dump wrote", pickled=True)


def _joblib_load(path: Path) -> ReadArtifact:
    return cast("ReadArtifact", import_object("joblib:load", purpose=f"Reading {path.name}"))


def _load(path: Path) -> object:
    try:
        return _unpickle(path)
    except Exception:
        if not _is_of_joblib(path):
            raise
    return _joblib_load(path)(path)


def _is_of_joblib(path: Path) -> bool:
    """Whether joblib reads more of a file than pickle: arrays kept apart, or compression."""
    content = path.read_bytes()
    return b"joblib.numpy_pickle" in content or content.startswith(_COMPRESSED)


def _unpickle(path: Path) -> object:
    """As DRUM: with Latin-1 for the texts of Python 2, then by the defaults."""
    try:
        with path.open("rb") as file:
            return pickle.load(file, encoding="latin1")
    except UnicodeDecodeError:
        with path.open("rb") as file:
            return pickle.load(file)
