"""Chooses the backend of a folder, by its language, and loads the model with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from drum_core.errors import NotBuiltYetError
from drum_core.options.choices import Language
from drum_core.registry import import_object

if TYPE_CHECKING:
    from drum_core.model.folder import ModelFolder
    from drum_core.model.model import LoadModel, Model
    from drum_core.model.target import Target
    from drum_core.protocols import WorkerContext

__all__ = ["load_model"]

_BACKENDS: Final = {Language.PYTHON: "drum_core.backends.python:load"}


def load_model(folder: ModelFolder, target: Target, worker: WorkerContext) -> Model:
    """The model of a folder, ready to be used; `worker` gives back what it holds, at the end.

    Raises `ModelFolderError` when it cannot be loaded.
    """
    if folder.language not in _BACKENDS:
        raise NotBuiltYetError(f"Running models in the language {folder.language.value!r}")
    backend = import_object(_BACKENDS[folder.language], purpose="Loading the model")
    return cast("LoadModel", backend)(folder, target, worker)
