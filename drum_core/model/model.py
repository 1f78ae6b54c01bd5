"""A loaded model: a record of what it can do, decided once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from drum_core.model.exchange import Chat, ListModels, Predict, Transform, Unstructured
from drum_core.options.choices import Language

if TYPE_CHECKING:
    from drum_core.model.folder import ModelFolder
    from drum_core.model.target import Target
    from drum_core.protocols import WorkerContext
    from drum_core.upstream.connections import Upstream

__all__ = ["LoadModel", "Model", "ModelInfo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What is known of a model once it is loaded.

    `predictor` names the framework that runs the artifact; `None` when a hook does.
    `reads_any_format` says that the model reads its input itself, so any media type will do.
    """

    language: Language
    predictor: str | None
    reads_any_format: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What a model can do; a field is `None` for what it cannot.

    `upstream` is the server behind it, where there is one, and `unwell` says, at once, why it
    cannot be used for the time being.
    """

    info: ModelInfo
    predict: Predict | None = None
    transform: Transform | None = None
    unstructured: Unstructured | None = None
    chat: Chat | None = None
    list_models: ListModels | None = None
    upstream: Upstream | None = None
    unwell: Callable[[], str | None] = field(default=lambda: None)


LoadModel: TypeAlias = "Callable[[ModelFolder, Target, WorkerContext], Model]"
"""A backend: turns a folder into a model. What it acquires, it registers with the worker context
in the same call. Raises `ModelFolderError`."""
