"""The state of a served model: LOADING to READY or FAILED, and DRAINING at the end.

One state machine drives every probe, what is answered instead of predictions, and the shutdown.
"""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable

from drum_core.errors import LoadFailedError, NotReadyError
from drum_core.model.model import Model

__all__ = ["Lifecycle", "State"]


class State(enum.Enum):
    """Where a served model is in its life."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"
    DRAINING = "draining"


class Lifecycle:
    """The state, and the model that belongs to it; thread-safe.

    Transitions that are not in the module's first line have no effect: a model that finishes
    loading while the worker is ending is not served any more. `begun` says whether loading has
    begun, which is up to whoever starts the worker; `on_change` is called with every new state.
    """

    def __init__(
        self,
        begun: Callable[[], bool] = lambda: True,
        on_change: Callable[[State], None] = lambda state: None,
    ) -> None:
        self._begun = begun
        self._lock = threading.Lock()
        self._on_change = on_change
        self._state = State.LOADING
        self._since = time.time()
        self._model: Model | None = None
        self._error: BaseException | None = None
        self._settled = threading.Event()

    @property
    def state(self) -> State:
        """The state now."""
        return self._state

    @property
    def since(self) -> float:
        """When the state began, in seconds since the epoch."""
        return self._since

    def loaded(self, model: Model) -> None:
        """LOADING becomes READY."""
        with self._lock:
            if self._state is State.LOADING:
                self._model = model
                self._state = State.READY
                self._changed()
        self._settled.set()

    def failed(self, error: BaseException) -> None:
        """LOADING becomes FAILED, for good."""
        with self._lock:
            if self._state is State.LOADING:
                self._error = error
                self._state = State.FAILED
                self._changed()
        self._settled.set()

    def drain(self) -> None:
        """READY or LOADING becomes DRAINING: the worker is ending."""
        with self._lock:
            if self._state in (State.READY, State.LOADING):
                self._state = State.DRAINING
                self._changed()
        self._settled.set()

    def wait(self, timeout: float | None = None) -> State:
        """The state once it is no longer LOADING, or after `timeout` seconds."""
        self._settled.wait(timeout)
        return self._state

    def model(self) -> Model:
        """The model, while it can be used.

        A request that came before draining may still use it: DRAINING keeps the model. Raises
        `NotReadyError`, and `LoadFailedError` when waiting will not help.
        """
        model = self._model
        if model is not None:
            return model
        raise self.unready()

    def unready(self) -> NotReadyError:
        """Why the model cannot be used."""
        if self._state is State.FAILED:
            return LoadFailedError(str(self._error) or type(self._error).__name__)
        if self._state is State.DRAINING:
            return NotReadyError("The server is shutting down.")
        if not self._begun():
            return NotReadyError(
                "The model has not begun to load, because its worker context has not been started. "
                "An application starts it: FastAPI by the lifespan of FastAPIWorkerCtx (a "
                "TestClient runs it in a `with` block), Flask by calling start() in each worker."
            )
        return NotReadyError("The model is still loading; try again in a moment.")

    def _changed(self) -> None:
        self._since = time.time()
        self._on_change(self._state)
