"""Trains models in Python: by the hook `fit` of custom.py, or by its class `CustomTask`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final, cast

from drum_core.backends.artifacts import READERS
from drum_core.backends.python import needs_no_model
from drum_core.backends.task import task_class_of
from drum_core.errors import HookError, HookFailedError, PredictionError
from drum_core.model.hooks import Hook, Hooks, fit_hook, keywords_of, load_hooks
from drum_core.model.target import TransformTarget
from drum_core.model.training import Train, Trainer, TrainingData
from drum_core.user.errors import TaskSerializationError
from drum_core.user.settings import settings_here
from drum_core.user.tasks import CustomTaskInterface, Serializable
from drum_core.worker import bridge_of

if TYPE_CHECKING:
    from drum_core.async_bridge import AsyncBridge
    from drum_core.model.folder import ModelFolder
    from drum_core.model.target import Target
    from drum_core.protocols import WorkerContext

__all__ = ["prepare"]

_ARTIFACT: Final = f"one file with an extension among {', '.join(READERS)}"


def prepare(folder: ModelFolder, target: Target, worker: WorkerContext) -> Trainer:
    """As `drum_core.model.training.PrepareTraining`: imports custom.py, and calls its `init`."""
    bridge = bridge_of(worker)
    hooks = load_hooks(folder, bridge)
    worker.defer_cleanup(hooks.code.forget, order=-200, desc="forget the modules of the folder")
    if hooks.custom_task is not None:
        return Trainer(train=_by_task(hooks, target, bridge), loads_itself=True)
    fit = fit_hook(hooks, bridge)
    if fit is None:
        raise HookError(_nothing_trains(folder, hooks))
    if hooks.init is not None:
        with hooks.code.importable():
            hooks.init(code_dir=str(folder.path))
    train = _by_hook(hooks, fit, transforms=not isinstance(target, TransformTarget))
    loads_itself = hooks.load_model is not None
    return Trainer(
        train=train,
        loads_itself=loads_itself,
        needs_artifact="" if loads_itself or needs_no_model(hooks, target) else _ARTIFACT,
    )


def _nothing_trains(folder: ModelFolder, hooks: Hooks) -> str:
    where = hooks.path or folder.path / "custom.py"
    hint = "".join(f" {sentence}" for sentence in hooks.near_misses)
    return (
        f"{where}: nothing here can be trained. Define the hook fit(X, y, output_dir, **kwargs), "
        f"which writes the model into output_dir, or a class CustomTask with a method fit.{hint}"
    )


def _by_hook(hooks: Hooks, fit: Hook, *, transforms: bool) -> Train:
    def train(data: TrainingData) -> None:
        features: object = data.features
        if transforms and hooks.transform is not None:
            features = _transformed(hooks.transform, data)
        with hooks.code.importable():  # what it pickles names the folder's modules
            fit(X=features, output_dir=str(data.output_dir), **_keywords(data))

    return train


def _transformed(transform: Hook, data: TrainingData) -> object:
    """The data as the hook `transform` makes them for prediction; there is no model yet."""
    import pandas as pd

    found = transform(data.features, None)
    if not isinstance(found, pd.DataFrame):
        raise PredictionError(
            f"The hook transform must return a pandas DataFrame, got {type(found).__name__}."
        )
    if len(found) != len(data.features):
        raise PredictionError(
            f"The hook transform gave {len(found)} rows for {len(data.features)} rows of training "
            "data; expected as many, so that each keeps its target."
        )
    return found


def _keywords(data: TrainingData) -> dict[str, object]:
    return {
        "y": data.target,
        "class_order": None if data.class_order is None else list(data.class_order),
        "row_weights": data.row_weights,
        "parameters": dict(data.parameters),
    }


def _by_task(hooks: Hooks, target: Target, bridge: AsyncBridge) -> Train:
    task_class = task_class_of(hooks, target)
    if task_class.__dict__.get("fit") is None and not _defines_fit(task_class):
        raise HookError(
            f"{hooks.path}: CustomTask must define the method fit(self, X, y, **kwargs)."
        )

    def train(data: TrainingData) -> None:
        task = _called("__init__", task_class, hooks, bridge)()
        if not isinstance(task, CustomTaskInterface):
            # Derived from the real package's interface, which keeps them in the instance.
            vars(task)["secrets"] = dict(hooks.code.settings.secrets)
        fit = _called("fit", getattr(task, "fit"), hooks, bridge)  # noqa: B009 - not declared
        keywords = {**_keywords(data), "output_dir": str(data.output_dir)}
        # Some call the target something else, and some take none.
        second = [keywords.pop("y")] if _positional(fit) > 1 else []
        with hooks.code.importable():
            fit(data.features, *second, **keywords)
        _save(cast("Serializable", task), data, hooks, bridge)

    return train


def _defines_fit(task_class: type) -> bool:
    found = getattr(task_class, "fit", None)
    return callable(found) and found is not CustomTaskInterface.fit


def _positional(hook: Hook) -> int:
    """How many arguments a method takes by position."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(hook.function).parameters.values()
    return sum(item.kind in kinds for item in parameters)


def _called(name: str, method: object, hooks: Hooks, bridge: AsyncBridge) -> Hook:
    """A method of the task that errors are told of as those of hooks are."""
    assert hooks.path is not None
    assert callable(method)
    return Hook(
        name=name,
        function=method,
        path=hooks.path,
        bridge=bridge,
        keywords=keywords_of(inspect.signature(method)),
        settings=hooks.code.settings,
        title=f"The method {name} of CustomTask",
    )


def _save(task: Serializable, data: TrainingData, hooks: Hooks, bridge: AsyncBridge) -> None:
    """Raises `TaskSerializationError` as it is: its text says what to do."""
    save = _called("save", task.save, hooks, bridge)
    try:
        with settings_here(hooks.code.settings):
            save(str(data.output_dir))
    except HookFailedError as error:
        if isinstance(error.__cause__, TaskSerializationError):
            raise error.__cause__ from error
        raise
