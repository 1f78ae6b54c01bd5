"""The frameworks whose artifacts can be run: how each reads a file, and what it makes of it.

Both tables hold import strings, so that a framework is imported only when a folder needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from drum_core.model.target import TableTarget

__all__ = ["ADAPTERS", "READERS", "Adapt", "Artifact", "ReadArtifact"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """An object of a framework, as something that predicts.

    `predict` takes a table, or what a read_input_data hook made instead, and gives an array of
    the shape (rows,) or (rows, columns). `labels` are the classes of its columns as the object
    reports them, `None` when it reports none. `features` are the columns it was trained on,
    `None` when it does not know.
    """

    framework: str
    predict: Callable[[object], object]
    labels: Sequence[object] | None = None
    features: tuple[str, ...] | None = None


ReadArtifact: TypeAlias = Callable[[Path], object]
"""Reads the object in a file. Raises `ArtifactError`."""

Adapt: TypeAlias = "Callable[[object, TableTarget], Artifact | None]"
"""Makes an artifact of an object, or says `None` when the object, by its type, is not of this
framework. Raises `ArtifactError` when it is, but cannot do what the target needs."""

READERS: Final[Mapping[str, str]] = {
    ".pkl": "drum_core.backends.artifacts.pickled:read_pickle",
    ".joblib": "drum_core.backends.artifacts.pickled:read_joblib",
}
"""By file extension, in lower case."""

ADAPTERS: Final[Mapping[str, str]] = {
    "scikit-learn": "drum_core.backends.artifacts.sklearn:adapt",
}
"""By framework."""
