"""`DrumRuntime`: options in, and everything that a run acquired closed at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic

from typing_extensions import Self, TypeVar

from drum_core.options import Options
from drum_core.progress import NoProgress, Progress

__all__ = ["DrumRuntime", "OptionsT"]

OptionsT = TypeVar("OptionsT", bound=Options, covariant=True)


class DrumRuntime(Generic[OptionsT]):
    """Holds the options of a run, and closes on exit what its runner acquired.

    What belongs to a worker context that the embedder passed to the runner is not closed here: it
    lives as long as that worker. `progress` is told how far the run is. Several runtimes in one
    process know nothing of each other.
    """

    def __init__(self, options: OptionsT, *, progress: Progress | None = None) -> None:
        self._options = options
        self._progress: Progress = NoProgress() if progress is None else progress
        self._lock = threading.Lock()
        self._closers: list[Callable[[], None]] = []

    @property
    def options(self) -> OptionsT:
        """What the run is told."""
        return self._options

    @property
    def progress(self) -> Progress:
        """What is told how far the run is; by default nobody."""
        return self._progress

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def on_close(self, closer: Callable[[], None], /) -> None:
        """Calls `closer`, which must not raise, when the runtime is closed."""
        with self._lock:
            self._closers.append(closer)

    def close(self) -> None:
        """Ends what the runner started, the last first; safe to repeat, from any thread."""
        with self._lock:
            closers, self._closers = self._closers[::-1], []
        for closer in closers:
            closer()
