"""What the core asks of the world: `WebApp` and `WorkerContext`, and the functions around them.

Both Protocols have methods only, so that `isinstance` is safe and never runs a property. It is
asked once, where an embedding user hands an object over. That a class really satisfies one is
proved by a type checker and by the suites of `drum_core.testing`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, TypeAlias

from typing_extensions import Protocol, runtime_checkable

from drum_core.messages import Route

if TYPE_CHECKING:
    from drum_core.options.server import ServerSettings

__all__ = ["Assemble", "Cleanup", "Replaceable", "Serve", "WebApp", "WorkerContext"]

Cleanup: TypeAlias = Callable[[], Awaitable[object] | object]
"""Called once when a worker ends. What it returns is awaited if it can be, else dropped."""


@runtime_checkable
class WebApp(Protocol):
    """An application of some web framework that can take the runner's routes."""

    def server_type(self) -> str:
        """The framework's name, in lower case: what `/info/` calls `drumServer`."""
        ...

    def add_routes(self, routes: Sequence[Route], /, *, prefix: str = "") -> None:
        """Registers each route as a rule of the framework's own, under `prefix`.

        `prefix` is empty or starts with `/` and does not end with one. With a prefix, the route
        `/` answers at the bare prefix too. May be called again with another prefix.
        Raises `ValueError` when a path is taken already.
        """
        ...

    def load_extension(self, code_dir: Path, /) -> Path | None:
        """Runs the extension that a model folder holds for this framework, after the routes.

        Returns its path, or `None` where there is none. Raises `ExtensionError` when it is
        broken, when there are several, or when the only one is for another framework (it may
        hold the authentication, so it must not be passed over).
        """
        ...


@runtime_checkable
class WorkerContext(Protocol):
    """The life of one worker process, whichever server owns it.

    Stop callbacks run first, in ascending order; cleanups after them, in descending order; within
    an order, the one registered last goes first. Each runs exactly once, sync or async; one that
    fails is logged and never keeps the rest from running.
    A callback registered when its phase is over runs at once.
    """

    def running(self) -> bool:
        """Whether the worker has started and has not been asked to stop."""
        ...

    def add_thread(self, thread: Thread, /, *, name: str | None = None) -> None:
        """Takes a thread that has not been started, and starts it when the worker runs.

        It becomes a daemon, and is joined, for a bounded time, between stop and cleanup.
        """
        ...

    def defer_stop(self, callback: Cleanup, /, *, order: int = 0, desc: str = "") -> None:
        """Calls `callback` when the worker is asked to stop: to end work."""
        ...

    def defer_cleanup(self, callback: Cleanup, /, *, order: int = 0, desc: str = "") -> None:
        """Calls `callback` when all work has ended: to give back what was acquired."""
        ...

    def fail(self, error: BaseException, /) -> None:
        """Says that the worker can never do its work.

        A server of ours then stops, and exits with status 1. A worker inside somebody else's
        application keeps the error, and its routes go on answering 513.
        """
        ...


@runtime_checkable
class Replaceable(Protocol):
    """A worker context whose server may put another worker in its place."""

    def ask_replacement(self, reason: str, /) -> None:
        """Says, from any thread, that the worker still answers but another would do better.

        It is unready already. A server that can starts another worker, lets this one end what it
        can, and then ends it. One that cannot leaves it to whoever watches its readiness.
        """
        ...


Assemble: TypeAlias = Callable[[WebApp, WorkerContext], None]
"""Puts a model onto an application, in the process that will serve it. Picklable: a partial over
frozen options, so that it crosses `spawn`."""

Serve: TypeAlias = "Callable[[ServerSettings, Assemble], int]"
"""A server: calls `assemble` in each worker, blocks until the end, returns the exit status. This
is what an entry point of the group `drum.servers` is. Raises `ServerError` when it cannot
listen."""
