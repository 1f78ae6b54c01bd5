"""Chooses who trains the model of a folder, by its language."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from drum_core.errors import NotBuiltYetError
from drum_core.options.choices import Language
from drum_core.registry import import_object

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from drum_core.model.folder import ModelFolder
    from drum_core.model.target import Target
    from drum_core.protocols import WorkerContext

__all__ = ["PrepareTraining", "Train", "Trainer", "TrainingData", "prepare_training"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """What a model is trained with.

    `features` has the rows, `target` and `row_weights` as many values. The target is a table
    where each label of a multilabel model has a column. `class_order` has the labels, the
    positive one first for binary. The model is to be written into the folder `output_dir`.
    """

    features: DataFrame
    target: Series | DataFrame | None
    row_weights: Series | None
    class_order: tuple[str, ...] | None
    parameters: Mapping[str, object]
    output_dir: Path


Train: TypeAlias = Callable[[TrainingData], None]
"""Trains the model and writes it. Raises `HookFailedError` for what the folder's code raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainer:
    """Trains a model.

    `loads_itself` says that the folder's code finds its artifacts by itself, `needs_artifact`
    what there must be, if one is loaded for it.
    """

    train: Train
    loads_itself: bool
    needs_artifact: str = ""


PrepareTraining: TypeAlias = "Callable[[ModelFolder, Target, WorkerContext], Trainer]"
"""Loads the code that trains the model of a folder. Raises `HookError`."""

_TRAINERS: Final = {Language.PYTHON: "drum_core.backends.training:prepare"}


def prepare_training(folder: ModelFolder, target: Target, worker: WorkerContext) -> Trainer:
    """Loads the code of a folder that trains the model.

    Raises `ModelFolderError`, and `NotBuiltYetError` for another language.
    """
    if folder.language not in _TRAINERS:
        raise NotBuiltYetError(f"Training models in the language {folder.language.value!r}")
    for remark in folder.settings.remarks:
        _logger.warning("%s", remark)
    prepare = import_object(_TRAINERS[folder.language], purpose="Training the model")
    return cast("PrepareTraining", prepare)(folder, target, worker)
