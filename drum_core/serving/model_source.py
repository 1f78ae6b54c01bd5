"""Where a served model comes from: loaded in this process, or run in one of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

from typing_extensions import Protocol

from drum_core.model.load import load_model
from drum_core.registry import import_object

if TYPE_CHECKING:
    from drum_core.model.folder import ModelFolder
    from drum_core.model.model import Model
    from drum_core.model.target import Target
    from drum_core.options.server import ServerOptions
    from drum_core.protocols import WorkerContext

__all__ = ["ModelSource"]

_ISOLATED: Final = "drum_core.isolation.model:IsolatedModel"


class _Isolated(Protocol):
    def load(self, worker: WorkerContext, /) -> Model: ...

    def reason(self) -> str | None: ...


class ModelSource:
    """Loads the model of a worker, as the options say.

    `on_pause` is told when the model cannot be used for a while, and when it can again.
    """

    GRACE_SECONDS: Final = 5.0
    """What a process of a model has to end after a deadline; nothing else ends a thread."""

    def __init__(self, options: ServerOptions, *, on_pause: Callable[[bool], object]) -> None:
        self._isolated: _Isolated | None = None
        self.grace: float = 0.0
        if options.isolate is not None:
            made = import_object(_ISOLATED, purpose="--isolate process")
            self._isolated = cast("Callable[..., _Isolated]", made)(options, on_pause=on_pause)
            self.grace = self.GRACE_SECONDS

    def load(self, folder: ModelFolder, target: Target, worker: WorkerContext) -> Model:
        """The model, ready to be used; `worker` gives back what it holds, as in `load_model`."""
        if self._isolated is not None:
            return self._isolated.load(worker)
        return load_model(folder, target, worker)

    def reason(self) -> str | None:
        """Why the model cannot be used for a while; `None` while it can."""
        return None if self._isolated is None else self._isolated.reason()
