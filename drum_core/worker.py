"""The life of a worker: what runs in it, and what is given back, in order, when it ends."""

from __future__ import annotations

import enum
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from typing_extensions import Self

from drum_core.heartbeat import Heartbeat
from drum_core.protocols import Cleanup, Replaceable, WorkerContext
from drum_core.scoreboard import Card, CardState, Place

if TYPE_CHECKING:
    from drum_core.async_bridge import AsyncBridge

__all__ = ["LocalWorker", "Worker", "bridge_of", "card_of"]

_logger = logging.getLogger(__name__)

JOIN_SECONDS = 2.0


class _Phase(enum.IntEnum):
    NEW = 0
    RUNNING = 1
    STOPPING = 2
    ENDED = 3


@dataclass(frozen=True, slots=True)
class _Deferred:
    callback: Cleanup
    order: int
    number: int
    desc: str


class Worker:
    """The `WorkerContext` that every server adapter shares; all methods are thread-safe.

    An adapter calls `start`, `stop` and `cleanup` from its server's own hooks; each has effect
    once. `cleanup` stops first, if nobody has. `place` is where a server of ours looks after it.
    """

    def __init__(self, *, place: Place | None = None) -> None:
        self.place: Place | None = place
        self._lock = threading.Lock()
        self._phase = _Phase.NEW
        self._threads: list[threading.Thread] = []
        self._stops: list[_Deferred] = []
        self._cleanups: list[_Deferred] = []
        self._registered = 0
        self._error: BaseException | None = None
        self._replacement: str | None = None
        self._on_replacement: Callable[[str], object] | None = None
        self._bridge: AsyncBridge | None = None
        self._late = 0
        self._bridge_ended = False
        self._heartbeat: Heartbeat | None = None

    @property
    def bridge(self) -> AsyncBridge:
        """Where the coroutines of this worker run; made, like asyncio imported, at first use."""
        from drum_core.async_bridge import AsyncBridge

        with self._lock:
            if self._bridge is None:
                self._bridge = AsyncBridge()
            return self._bridge

    def running(self) -> bool:
        """Whether the worker has started and has not been asked to stop."""
        return self._phase is _Phase.RUNNING

    def error(self) -> BaseException | None:
        """Why the worker cannot do its work; `None` while it can."""
        return self._error

    def add_thread(self, thread: threading.Thread, /, *, name: str | None = None) -> None:
        """Takes a thread that has not been started, and starts it when the worker runs."""
        if name is not None:
            thread.name = name
        thread.daemon = True
        with self._lock:
            if self._phase > _Phase.RUNNING:
                _logger.info("not starting thread %s: the worker is ending", thread.name)
                return
            self._threads.append(thread)
            if self._phase is _Phase.RUNNING:
                thread.start()

    def defer_stop(self, callback: Cleanup, /, *, order: int = 0, desc: str = "") -> None:
        """Calls `callback` when the worker is asked to stop; at once when it has been."""
        self._defer(self._stops, callback, order, desc, until=_Phase.STOPPING)

    def defer_cleanup(self, callback: Cleanup, /, *, order: int = 0, desc: str = "") -> None:
        """Calls `callback` when all work has ended; at once when it has."""
        self._defer(self._cleanups, callback, order, desc, until=_Phase.ENDED)

    def fail(self, error: BaseException, /) -> None:
        """Keeps the first error; an adapter adds what its server does about it."""
        with self._lock:
            self._error = self._error or error

    def ask_replacement(self, reason: str, /) -> None:
        """Keeps the first reason, and calls what `on_replacement` was given."""
        with self._lock:
            if self._replacement is not None:
                return
            self._replacement = reason
            callback = self._on_replacement
        if self.place is not None and self.place.supervised:
            _logger.warning("This worker asks to be replaced: %s", reason)
            self.place.card.turn(CardState.RETIRING)
        if callback is not None:
            callback(reason)

    def replacement(self) -> str | None:
        """Why another worker should take the place of this one; `None` while none should."""
        return self._replacement

    def on_replacement(self, callback: Callable[[str], object], /) -> None:
        """How a server learns, once and in any thread, that it should replace this worker.

        At once, if that has been asked for already.
        """
        with self._lock:
            self._on_replacement = callback
            reason = self._replacement
        if reason is not None:
            callback(reason)

    def start(self) -> None:
        """Starts the threads that wait for it."""
        with self._lock:
            if self._phase is not _Phase.NEW:
                return
            self._phase = _Phase.RUNNING
            if self.place is not None:
                self._heartbeat = Heartbeat(self.place.card, hang_seconds=self.place.hang_seconds)
                self._heartbeat.start()
                self.place.card.take()
            for thread in self._threads:
                thread.start()

    def stop(self) -> None:
        """Runs the stop callbacks, in ascending order."""
        with self._lock:
            if self._phase >= _Phase.STOPPING:
                return
            self._phase = _Phase.STOPPING
            stops = sorted(self._stops, key=lambda item: (item.order, -item.number))
            self._stops.clear()
        for item in stops:
            self._run(item)

    def cleanup(self) -> None:
        """Joins the threads, then runs the cleanups, in descending order."""
        self.stop()
        with self._lock:
            if self._phase is _Phase.ENDED:
                return
            self._phase = _Phase.ENDED
            threads, self._threads = self._threads, []
            cleanups = sorted(self._cleanups, key=lambda item: (-item.order, -item.number))
            self._cleanups.clear()
        for thread in threads:
            if thread.ident is not None and thread is not threading.current_thread():
                thread.join(JOIN_SECONDS)
        for item in cleanups:
            self._run(item)
        self._bridge_ended = True
        if self._bridge is not None:
            self._bridge.close()
        if self._heartbeat is not None:
            self._heartbeat.stop()

    def _defer(
        self, to: list[_Deferred], callback: Cleanup, order: int, desc: str, *, until: _Phase
    ) -> None:
        with self._lock:
            self._registered += 1
            item = _Deferred(callback, order, self._registered, desc or _name_of(callback))
            late = self._phase >= until
            if late:
                self._late += 1
            else:
                to.append(item)
        if late:
            self._run_late(item)

    def _run_late(self, item: _Deferred) -> None:
        """Runs what came too late to wait, and ends the loop that it may have begun."""
        try:
            self._run(item)
        finally:
            with self._lock:
                self._late -= 1
                last = self._bridge_ended and not self._late
            if last and self._bridge is not None:
                self._bridge.close()

    def _run(self, item: _Deferred) -> None:
        _logger.debug("worker: %s", item.desc)
        try:
            self._settle(item.callback())
        except Exception:
            _logger.exception("worker: %s failed; going on", item.desc)

    def _settle(self, value: Awaitable[object] | object) -> None:
        """Waits for what a callback returned, where it can be awaited."""
        if inspect.isawaitable(value):
            self.bridge.call(value)


class LocalWorker(Worker):
    """The worker context where there is no server: it runs from the start, until it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops and cleans up; safe to repeat."""
        self.cleanup()


def card_of(worker: WorkerContext) -> Card | None:
    """What a worker writes about itself for its server; `None` in somebody else's server."""
    return worker.place.card if isinstance(worker, Worker) and worker.place else None


def bridge_of(worker: WorkerContext) -> AsyncBridge:
    """Where the asynchronous hooks of a worker run; closed when the worker ends."""
    if isinstance(worker, Worker):
        return worker.bridge
    from drum_core.async_bridge import AsyncBridge

    bridge = AsyncBridge()
    worker.defer_cleanup(bridge.close, order=-100, desc="end asynchronous hooks")
    return bridge


def _name_of(callback: Cleanup) -> str:
    return getattr(callback, "__qualname__", None) or repr(callback)


if TYPE_CHECKING:
    _worker: type[WorkerContext] = Worker
    _replaceable: type[Replaceable] = Worker
