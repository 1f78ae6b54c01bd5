"""The class interface of custom.py: a `CustomTask` is run as the hooks that do the same."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, cast

from drum_core.errors import ArtifactError, HookError, UserHTTPError
from drum_core.model.hooks import Hook, Hooks, keywords_of
from drum_core.model.target import (
    BinaryTarget,
    MulticlassTarget,
    MultilabelTarget,
    Target,
    TransformTarget,
    UnstructuredTarget,
)
from drum_core.user.real_package import is_task_class, user_error_of
from drum_core.user.settings import settings_here
from drum_core.user.tasks import CustomTaskInterface, Serializable, defines

if TYPE_CHECKING:
    from drum_core.async_bridge import AsyncBridge
    from drum_core.model.folder import ModelFolder

__all__ = ["load_task", "task_class_of"]


def load_task(
    hooks: Hooks, folder: ModelFolder, target: Target, bridge: AsyncBridge
) -> tuple[Hooks, object]:
    """The task of a folder, and hooks that call its methods.

    Raises `HookError` for a class that is no task or lacks the method its target needs,
    `ArtifactError` when it cannot be loaded, and the user error that its `load` raises.
    """
    task_class = task_class_of(hooks, target)
    name = _method_for(target)
    assert name is not None
    task = _loaded(hooks, task_class, folder)
    hook = _method_hook(task, name, hooks, bridge)
    if isinstance(target, TransformTarget):
        return Hooks(path=hooks.path, code=hooks.code, transform=hook), task
    return Hooks(path=hooks.path, code=hooks.code, score=hook), task


def task_class_of(hooks: Hooks, target: Target) -> type[Serializable]:
    """The class `CustomTask`. Raises `HookError` as `load_task`."""
    task_class = hooks.custom_task
    if not isinstance(task_class, type) or not is_task_class(task_class):
        raise HookError(
            f"{hooks.path}: CustomTask must be a class derived from CustomTaskInterface, such as "
            f"RegressionEstimatorInterface of drum_core.user, got {task_class!r}."
        )
    name = _method_for(target)
    if name is None:
        raise HookError(
            f"{hooks.path}: an {target.type.value} model cannot be a CustomTask. Write the hook "
            "score_unstructured instead."
        )
    if not defines(task_class, name):
        raise HookError(
            f"{hooks.path}: CustomTask must define the method {name}, which a "
            f"{target.type.value} model is asked for."
        )
    return cast("type[Serializable]", task_class)


def _method_for(target: Target) -> str | None:
    match target:
        case UnstructuredTarget():
            return None
        case TransformTarget():
            return "transform"
        case BinaryTarget() | MulticlassTarget() | MultilabelTarget():
            return "predict_proba"
        case _:
            return "predict"


def _loaded(hooks: Hooks, task_class: type[Serializable], folder: ModelFolder) -> object:
    settings = hooks.code.settings
    try:
        with settings_here(settings):
            task: object = task_class.load(str(folder.path))
    except UserHTTPError:
        raise
    except Exception as error:
        if (answer := user_error_of(error)) is not None:
            raise answer from error
        raise ArtifactError(
            f"Failed to load custom task class. CustomTask.load({str(folder.path)!r}) raised "
            f"{type(error).__name__}: {str(error) or '(no message)'}"
        ) from error
    if not isinstance(task, task_class):
        raise ArtifactError(
            f"Failed to load custom task class. CustomTask.load({str(folder.path)!r}) must return "
            f"a CustomTask, got {type(task).__name__}."
        )
    if not issubclass(task_class, CustomTaskInterface):
        # Derived from the real package's interface, which keeps them in the instance.
        vars(task)["secrets"] = dict(settings.secrets)
    return task


def _method_hook(task: object, name: str, hooks: Hooks, bridge: AsyncBridge) -> Hook:
    """A method of the task, to be called as a hook is, with the model beside the data."""
    method = getattr(task, name)

    def call(data: object, _task: object, **kwargs: object) -> object:
        found: object = method(data, **kwargs)
        return found

    assert hooks.path is not None
    return Hook(
        name="transform" if name == "transform" else "score",
        function=call,
        path=hooks.path,
        bridge=bridge,
        keywords=keywords_of(inspect.signature(method)),
        settings=hooks.code.settings,
        title=f"The method {name} of CustomTask",
    )
