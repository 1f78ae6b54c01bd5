"""Chooses the backend of a folder, by its language, and loads the model with it."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Final, cast

from drum_core.errors import NotBuiltYetError
from drum_core.model.lazy_loading import fetch_lazy_files
from drum_core.model.schema.checks import check_output
from drum_core.model.settings import secret_texts
from drum_core.options.choices import Language
from drum_core.progress import Progress
from drum_core.registry import import_object
from drum_core.user.masking import mask_output

if TYPE_CHECKING:
    from drum_core.data.payload import Payload
    from drum_core.model.exchange import Transform, Transformed
    from drum_core.model.folder import ModelFolder
    from drum_core.model.model import LoadModel, Model
    from drum_core.model.schema.spec import TypeSchema
    from drum_core.model.target import Target
    from drum_core.protocols import WorkerContext

__all__ = ["load_model", "mask_secrets"]

_logger = logging.getLogger(__name__)

_BACKENDS: Final = {
    Language.PYTHON: "drum_core.backends.python:load",
    Language.OTHER: "drum_core.backends.sidecar:load",
}


def mask_secrets(folder: ModelFolder, worker: WorkerContext) -> None:
    """Keeps the secrets of a folder out of the output of the process, until `worker` ends.

    For whoever opens the folder, before any of its code runs.
    """
    worker.defer_cleanup(
        mask_output(secret_texts(folder.settings)), order=-200, desc="end masking of secrets"
    )


def load_model(
    folder: ModelFolder,
    target: Target,
    worker: WorkerContext,
    progress: Progress | None = None,
) -> Model:
    """The model of a folder, ready to be used; `worker` gives back what it holds, at the end.

    Fetches the files that are loaded lazily first, which `progress` is told, and checks what the
    model transforms against the folder's typeSchema. Raises `ModelFolderError` when it cannot be
    loaded.
    """
    if folder.language not in _BACKENDS:
        raise NotBuiltYetError(f"Running models in the language {folder.language.value!r}")
    for remark in folder.settings.remarks:
        _logger.warning("%s", remark)
    backend = import_object(_BACKENDS[folder.language], purpose="Loading the model")
    if folder.lazy_files is not None:
        fetch_lazy_files(folder.lazy_files, folder.path, progress)
        folder = folder.rescanned()
    model = cast("LoadModel", backend)(folder, target, worker)
    schema = folder.metadata.type_schema if folder.metadata else None
    if model.transform is None or schema is None:
        return model
    return dataclasses.replace(model, transform=_checked(model.transform, schema))


def _checked(transform: Transform, schema: TypeSchema) -> Transform:
    def transformed(payload: Payload, target: Payload | None) -> Transformed:
        answer = transform(payload, target)
        check_output(answer.table, schema)
        return answer

    return transformed
