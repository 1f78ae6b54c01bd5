"""The model behind the routes that run it: its state, its target, its times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from drum_core.model.model import Model
from drum_core.model.target import Target
from drum_core.request_record import Stage
from drum_core.serving.lifecycle import Lifecycle
from drum_core.serving.stats import Stats

__all__ = ["ServedModel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """What every route that runs the model needs.

    `target` is `None` when the folder is not a model, which only the error server serves. `clock`
    counts seconds.
    """

    lifecycle: Lifecycle
    target: Target | None
    stats: Stats
    clock: Callable[[], float]

    def model(self) -> Model:
        """The model, once it is there; raises as `Lifecycle.model`."""
        return self.lifecycle.model()

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Counts the time of one prediction, unless it fails."""
        started = self.clock()
        with Stage("predict"):
            yield
        self.stats.predicted(self.clock() - started)
