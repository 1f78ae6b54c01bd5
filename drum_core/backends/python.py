"""Runs models in Python: the hooks of custom.py, an artifact, or both."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from drum_core.backends.artifacts import FRAMEWORKS, READERS, Artifact
from drum_core.backends.artifacts.choice import adapted
from drum_core.backends.artifacts.reading import read_artifact
from drum_core.backends.chat import chat, list_models
from drum_core.backends.prediction import Pipeline
from drum_core.backends.prompts import predict_by_chat
from drum_core.backends.score_chat import chat_by_predict
from drum_core.backends.task import load_task
from drum_core.backends.transform import transform
from drum_core.backends.unstructured import unstructured
from drum_core.data.predictions import check_labels
from drum_core.errors import ArtifactError, HookError, listed
from drum_core.model.exchange import Predict
from drum_core.model.hooks import Hooks, load_hooks
from drum_core.model.model import Model, ModelInfo
from drum_core.model.target import TableTarget, TextTarget, TransformTarget, UnstructuredTarget
from drum_core.options.choices import Language, TargetType
from drum_core.worker import bridge_of

if TYPE_CHECKING:
    from drum_core.model.folder import ModelFolder
    from drum_core.model.target import Target
    from drum_core.protocols import WorkerContext

__all__ = ["load", "needs_no_model"]

_logger = logging.getLogger(__name__)

_MODERATION: Final = "moderation_config.yaml"


def load(folder: ModelFolder, target: Target, worker: WorkerContext) -> Model:
    """Imports custom.py, calls `init`, then gets the model by `load_model` or from its artifact.

    Raises `ModelFolderError`, or `HookFailedError` when a hook raised.
    """
    if isinstance(target, TextTarget) and (folder.path / _MODERATION).is_file():
        _logger.warning(
            "%s is not applied: moderation is not built yet, so no guard stands before or after "
            "the model",
            folder.path / _MODERATION,
        )
    bridge = bridge_of(worker)
    hooks = load_hooks(folder, bridge)
    worker.defer_cleanup(hooks.code.forget, order=-200, desc="forget the modules of the folder")
    if hooks.custom_task is not None:
        hooks, model = load_task(hooks, folder, target, bridge)
    else:
        with hooks.code.importable():  # what they unpickle names the folder's modules
            if hooks.init is not None:
                hooks.init(code_dir=str(folder.path))
            model = _model_object(folder, hooks, target)
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
    if hooks.transform is not None and not hooks.transform.takes(2):
        raise HookError(
            f"{hooks.path}: the hook transform of a {target.type.value} model is called as "
            "transform(data, model); the target is for transform models only."
        )
    answer = chat(hooks, model)
    takes_any = _takes_any(hooks, target)
    predict: Predict | None = None
    artifact = None
    if hooks.score is None and answer is None and not takes_any:
        artifact = _adapted(folder, hooks, model, target)
        check_labels(artifact.labels, target)  # now, not at the first prediction
    if hooks.score is not None or artifact is not None:
        pipeline = Pipeline(hooks=hooks, model=model, artifact=artifact, target=target)
        predict = pipeline.predict
    elif isinstance(target, TextTarget) and answer is not None:
        predict = predict_by_chat(hooks, answer)
    if answer is None and predict is not None and target.type is TargetType.TEXT_GENERATION:
        answer = chat_by_predict(
            predict, hooks.code.settings, reads_csv=hooks.read_input_data is not None
        )
    return Model(
        info=_info(artifact, hooks),
        predict=predict,
        unstructured=unstructured(hooks, model) if takes_any else None,
        chat=answer,
        list_models=list_models(hooks, model),
    )


def _info(artifact: Artifact | None, hooks: Hooks) -> ModelInfo:
    return ModelInfo(
        language=Language.PYTHON,
        predictor=artifact.framework if artifact else None,
        reads_any_format=hooks.read_input_data is not None,
    )


def _model_object(folder: ModelFolder, hooks: Hooks, target: Target) -> object:
    if hooks.load_model is not None:
        model = hooks.load_model(str(folder.path))
        if model is None:
            raise HookError(
                f"{hooks.path}: the hook load_model returned None; expected the model, which is "
                "then given to the other hooks."
            )
        return model
    if not folder.artifacts and needs_no_model(hooks, target):
        return None
    if len(folder.artifacts) > 1:
        names = listed(path.name for path in folder.artifacts)
        raise ArtifactError(
            f"Multiple serialized model files found. Expected one at the top of {folder.path}, "
            f"found {names}. Move the others away, or write a load_model hook in custom.py."
        )
    if not folder.artifacts:
        raise ArtifactError(_no_artifact(folder, hooks))
    return read_artifact(folder.artifacts[0])


def needs_no_model(hooks: Hooks, target: Target) -> bool:
    """Whether a hook answers, which it may do without a model."""
    if isinstance(target, UnstructuredTarget):
        return True  # whose hook is required anyway
    if isinstance(target, TransformTarget):
        return hooks.transform is not None
    return hooks.score is not None or hooks.chat is not None or _takes_any(hooks, target)


def _takes_any(hooks: Hooks, target: Target) -> bool:
    """Whether a model takes unstructured requests besides its own."""
    is_text = target.type is TargetType.TEXT_GENERATION
    return is_text and hooks.score_unstructured is not None


def _adapted(folder: ModelFolder, hooks: Hooks, model: object, target: TableTarget) -> Artifact:
    """The artifact that runs the model; there must be a framework for it."""
    found = adapted(model, target)
    if found is None:
        supported = listed((framework.name for framework in FRAMEWORKS), most=20)
        hint = "".join(f" {sentence}" for sentence in hooks.near_misses)
        raise ArtifactError(
            "Could not find any framework to handle loaded model and a score hook is not provided. "
            f"The model in {folder.path} is a {type(model).__qualname__} of the module "
            f"{type(model).__module__}; supported: {supported}. Write a score "
            f"hook in custom.py.{hint}"
        )
    return found


def _no_artifact(folder: ModelFolder, hooks: Hooks) -> str:
    hint = "".join(f" {sentence}" for sentence in hooks.near_misses)
    return (
        f"Could not find model artifact file in: {folder.path} supported by default predictors. "
        f"Expected one file with an extension among {', '.join(READERS)} at the top of the "
        f"folder, or a load_model or score hook in custom.py.{hint}"
    )
