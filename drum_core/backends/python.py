"""Runs models in Python: the hooks of custom.py, an artifact, or both."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

from drum_core.backends.artifacts import ADAPTERS, READERS, Adapt, Artifact, ReadArtifact
from drum_core.backends.chat import chat, list_models
from drum_core.backends.prediction import Pipeline
from drum_core.backends.transform import transform
from drum_core.backends.unstructured import unstructured
from drum_core.errors import ArtifactError, HookError, NotBuiltYetError, listed
from drum_core.model.hooks import Hooks, load_hooks
from drum_core.model.model import Model, ModelInfo
from drum_core.model.target import TableTarget, TransformTarget, UnstructuredTarget
from drum_core.options.choices import Language
from drum_core.registry import import_object
from drum_core.worker import bridge_of

if TYPE_CHECKING:
    from drum_core.model.folder import ModelFolder
    from drum_core.model.target import Target
    from drum_core.protocols import WorkerContext

__all__ = ["load"]

_logger = logging.getLogger(__name__)


def load(folder: ModelFolder, target: Target, worker: WorkerContext) -> Model:
    """Imports custom.py, calls `init`, then gets the model by `load_model` or from its artifact.

    Raises `ModelFolderError`, or `HookFailedError` when a hook raised.
    """
    hooks = load_hooks(folder.path, folder.custom_code, bridge_of(worker))
    if hooks.init is not None:
        hooks.init(code_dir=str(folder.path))
    model = _model_object(folder, hooks)
    match target:
        case UnstructuredTarget():
            return Model(
                info=_info(None, hooks),
                unstructured=unstructured(hooks, model),
                chat=chat(hooks, model),
            )
        case TransformTarget():
            return Model(
                info=_info(None, hooks),
                transform=transform(hooks, model),
                chat=chat(hooks, model),
            )
        case _:
            return _table_model(folder, hooks, model, target)


def _table_model(folder: ModelFolder, hooks: Hooks, model: object, target: TableTarget) -> Model:
    answer = chat(hooks, model)
    needs_artifact = hooks.score is None and answer is None
    artifact = _adapted(folder, hooks, model, target) if needs_artifact else None
    pipeline = Pipeline(hooks=hooks, model=model, artifact=artifact, target=target)
    return Model(
        info=_info(artifact, hooks),
        predict=pipeline.predict if artifact or hooks.score else None,
        unstructured=None,
        chat=answer,
        list_models=list_models(hooks, model),
    )


def _info(artifact: Artifact | None, hooks: Hooks) -> ModelInfo:
    return ModelInfo(
        language=Language.PYTHON,
        predictor=artifact.framework if artifact else None,
        reads_any_format=hooks.read_input_data is not None,
    )


def _model_object(folder: ModelFolder, hooks: Hooks) -> object:
    if hooks.load_model is not None:
        model = hooks.load_model(str(folder.path))
        if model is None:
            raise HookError(
                f"{hooks.path}: the hook load_model returned None; expected the model, which is "
                "then given to the other hooks."
            )
        return model
    if not folder.artifacts and (hooks.score is not None or hooks.chat is not None):
        return None  # these hooks may need no model
    if len(folder.artifacts) > 1:
        names = listed(path.name for path in folder.artifacts)
        raise ArtifactError(
            f"Multiple serialized model files found. Expected one at the top of {folder.path}, "
            f"found {names}. Move the others away, or write a load_model hook in custom.py."
        )
    if not folder.artifacts:
        raise ArtifactError(_no_artifact(folder, hooks))
    path = folder.artifacts[0]
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise NotBuiltYetError(
            f"Reading {path.suffix} artifacts ({path.name})",
            instead="A load_model hook in custom.py can read it.",
        )
    read = cast("ReadArtifact", import_object(reader, purpose=f"Reading {path.name}"))
    with hooks.code.importable():
        return read(path)


def _adapted(folder: ModelFolder, hooks: Hooks, model: object, target: TableTarget) -> Artifact:
    """The artifact that runs the model; there must be exactly one framework for it."""
    found: list[Artifact] = []
    for framework, adapter in ADAPTERS.items():
        adapt = cast("Adapt", import_object(adapter, purpose=f"Running a {framework} model"))
        artifact = adapt(model, target)
        if artifact is not None:
            found.append(artifact)
    if len(found) > 1:
        names = listed(artifact.framework for artifact in found)
        raise ArtifactError(
            f"The model is an object of several frameworks, {names}. Write a score hook in "
            "custom.py that says how to use it."
        )
    if not found:
        hint = "".join(f" {sentence}" for sentence in hooks.near_misses)
        raise ArtifactError(
            "Could not find any framework to handle loaded model and a score hook is not provided. "
            f"The model in {folder.path} is a {type(model).__qualname__} of the module "
            f"{type(model).__module__}; supported: {listed(ADAPTERS)}. Write a score hook in "
            f"custom.py.{hint}"
        )
    return found[0]


def _no_artifact(folder: ModelFolder, hooks: Hooks) -> str:
    hint = "".join(f" {sentence}" for sentence in hooks.near_misses)
    return (
        f"Could not find model artifact file in: {folder.path} supported by default predictors. "
        f"Expected one file with an extension among {', '.join(READERS)} at the top of the "
        f"folder, or a load_model or score hook in custom.py.{hint}"
    )
