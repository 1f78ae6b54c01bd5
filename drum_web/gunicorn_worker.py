"""`WorkerCtx`: the life of one gunicorn worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from typing_extensions import override

from drum_core.protocols import WorkerContext
from drum_core.scoreboard import Place
from drum_core.worker import Worker

__all__ = ["WorkerCtx"]


class WorkerCtx(Worker):
    """A `WorkerContext` for Flask under gunicorn, or under any server that forks or threads.

    The server calls `start` when the worker is up, `stop` when it is asked to end, and `cleanup`
    when its requests have ended. `app` is only kept. `on_fail` is how the owning server learns,
    once, that the worker can never do its work.
    """

    def __init__(
        self,
        app: object | None = None,
        *,
        on_fail: Callable[[BaseException], object] | None = None,
        place: Place | None = None,
    ) -> None:
        super().__init__(place=place)
        self.app = app
        self._on_fail = on_fail

    def add_closeable(
        self, obj: object, method: str = "close", *, order: int = 0, desc: str | None = None
    ) -> None:
        """Calls `method` of `obj`, where it has one, among the cleanups."""
        callback: object = getattr(obj, method, None)
        if callable(callback):
            name = desc or f"{type(obj).__name__}.{method}"
            self.defer_cleanup(callback, order=order, desc=name)

    @override
    def fail(self, error: BaseException, /) -> None:
        """Keeps the first error, and lets the owning server end."""
        first = self.error() is None
        super().fail(error)
        if first and self._on_fail is not None:
            self._on_fail(error)


if TYPE_CHECKING:
    _context: type[WorkerContext] = WorkerCtx
