"""The suite that says what a `WorkerContext` is: order, once each, and nothing lost."""

from __future__ import annotations

import asyncio
import threading
import unittest
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar

from drum_core.protocols import WorkerContext
from drum_core.testing.webapp.suite import expect, expect_same

__all__ = ["DrivenWorker", "WorkerContextConformance"]

_JOIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class DrivenWorker:
    """A worker context, and the functions that do to it what its server does.

    `start`, `stop` and `cleanup` may each be called again. `error` is what `fail` was told.
    """

    context: WorkerContext
    start: Callable[[], object]
    stop: Callable[[], object]
    cleanup: Callable[[], object]
    error: Callable[[], BaseException | None]


class WorkerContextConformance:
    """Every behaviour that the core relies on in a worker context, one test each.

    A subclass defines `worker`; `starts_running` says that the context runs from the beginning.
    """

    starts_running: ClassVar[bool] = False

    def worker(self) -> AbstractContextManager[DrivenWorker]:
        """A new worker context that has not been started, unless `starts_running`."""
        raise NotImplementedError(f"{type(self).__name__} must define worker()")

    def test_is_a_worker_context(self) -> None:
        """The object satisfies the `WorkerContext` protocol."""
        with self.worker() as driven:
            expect(isinstance(driven.context, WorkerContext), f"not one: {driven.context!r}")

    def test_runs_between_start_and_stop(self) -> None:
        """A worker runs from its start until it is asked to stop, cleanup apart."""
        with self.worker() as driven:
            found = [driven.context.running()]
            for step in (driven.start, driven.stop, driven.cleanup):
                step()
                found.append(driven.context.running())
        expect_same(found, [self.starts_running, True, False, False], "running()")

    def test_order_of_callbacks(self) -> None:
        """Stops ascend, then cleanups descend; within an order the last registered is first."""
        ran: list[str] = []
        with self.worker() as driven:
            for name, order in (("a", 1), ("b", 0), ("c", 2), ("d", 0), ("e", -1)):
                driven.context.defer_cleanup(_said(ran, f"cleanup {name}"), order=order, desc=name)
                driven.context.defer_stop(_said(ran, f"stop {name}"), order=order, desc=name)
            driven.start()
            expect_same(ran, [], "what ran before the stop")
            driven.stop()
            stops = [f"stop {name}" for name in "edbac"]
            expect_same(ran, stops, "the order of stops")
            driven.cleanup()
        cleanups = [f"cleanup {name}" for name in "cadbe"]
        expect_same(ran, [*stops, *cleanups], "the order of stops and cleanups")

    def test_each_runs_once(self) -> None:
        """A second stop, a second cleanup, a stop after the cleanup: nothing runs again."""
        ran: list[str] = []
        with self.worker() as driven:
            driven.context.defer_stop(_said(ran, "stop"))
            driven.context.defer_cleanup(_said(ran, "cleanup"))
            driven.start()
            for step in (driven.stop, driven.stop, driven.cleanup, driven.cleanup, driven.stop):
                step()
        expect_same(ran, ["stop", "cleanup"], "what ran")

    def test_cleanup_stops_first(self) -> None:
        """A worker that is cleaned up without a stop is stopped first."""
        ran: list[str] = []
        with self.worker() as driven:
            driven.context.defer_cleanup(_said(ran, "cleanup"))
            driven.context.defer_stop(_said(ran, "stop"))
            driven.start()
            driven.cleanup()
        expect_same(ran, ["stop", "cleanup"], "what ran")

    def test_worker_that_never_started_gives_back(self) -> None:
        """What a worker acquired before it failed to start is given back."""
        ran: list[str] = []
        with self.worker() as driven:
            driven.context.defer_cleanup(_said(ran, "cleanup"))
            driven.cleanup()
        expect_same(ran, ["cleanup"], "what ran")

    def test_coroutines_are_awaited(self) -> None:
        """An async callback has ended before the next one runs."""
        ran: list[str] = []

        async def slow() -> None:
            await asyncio.sleep(0.05)
            ran.append("slow")

        with self.worker() as driven:
            driven.context.defer_stop(_said(ran, "stop"), order=1)
            driven.context.defer_stop(slow)
            driven.context.defer_cleanup(_said(ran, "cleanup"))
            driven.context.defer_cleanup(slow, order=1)
            driven.start()
            driven.stop()
            expect_same(ran, ["slow", "stop"], "the stops")
            driven.cleanup()
        expect_same(ran, ["slow", "stop", "slow", "cleanup"], "what ran")

    def test_failure_does_not_stop_the_rest(self) -> None:
        """One callback that fails, sync or async, keeps no other from running."""
        ran: list[str] = []

        def fails() -> None:
            raise RuntimeError("a callback failed, on purpose")

        async def fails_later() -> None:
            raise RuntimeError("a callback failed, on purpose")

        with self.worker() as driven:
            for defer in (driven.context.defer_stop, driven.context.defer_cleanup):
                defer(_said(ran, "lowest"), order=-1)
                defer(fails)
                defer(fails_later)
                defer(_said(ran, "highest"), order=1)
            driven.start()
            driven.stop()
            driven.cleanup()
        expect_same(ran, ["lowest", "highest", "highest", "lowest"], "what ran")

    def test_late_stop_runs_at_once(self) -> None:
        """A stop that is registered when the worker has been stopped runs at once."""
        ran: list[str] = []
        with self.worker() as driven:
            driven.start()
            driven.stop()
            driven.context.defer_stop(_said(ran, "stop"))
            expect_same(ran, ["stop"], "what ran when it was registered")
            driven.context.defer_cleanup(_said(ran, "cleanup"))
            expect_same(ran, ["stop"], "what ran before the cleanup")
            driven.cleanup()
        expect_same(ran, ["stop", "cleanup"], "what ran")

    def test_late_cleanup_runs_at_once(self) -> None:
        """A cleanup that is registered when all has been given back runs at once."""
        ran: list[str] = []
        with self.worker() as driven:
            driven.start()
            driven.cleanup()
            driven.context.defer_cleanup(_said(ran, "cleanup"))
            expect_same(ran, ["cleanup"], "what ran when it was registered")

    def test_callback_may_register_another(self) -> None:
        """A cleanup that is registered while the worker stops is not lost."""
        ran: list[str] = []
        with self.worker() as driven:
            context = driven.context
            context.defer_stop(lambda: context.defer_cleanup(_said(ran, "cleanup")))
            driven.start()
            driven.stop()
            driven.cleanup()
        expect_same(ran, ["cleanup"], "what ran")

    def test_thread_starts_with_the_worker(self) -> None:
        """A thread given before the start runs from the start on; a daemon, named as asked."""
        if self.starts_running:
            raise unittest.SkipTest("this worker runs from the beginning")
        began, end = threading.Event(), threading.Event()
        thread = _waiting(began, end)
        with self.worker() as driven:
            driven.context.add_thread(thread, name="suite-thread")
            expect(not thread.is_alive(), "the thread was started before the worker")
            driven.start()
            expect(began.wait(_JOIN_SECONDS), "the thread was not started with the worker")
            expect_same((thread.name, thread.daemon), ("suite-thread", True), "name and daemon")
            end.set()
            driven.cleanup()

    def test_thread_of_a_running_worker_starts_at_once(self) -> None:
        """A thread given to a running worker is started."""
        began, end = threading.Event(), threading.Event()
        with self.worker() as driven:
            driven.start()
            driven.context.add_thread(_waiting(began, end))
            expect(began.wait(_JOIN_SECONDS), "the thread was not started")
            end.set()
            driven.cleanup()

    def test_thread_is_joined_between_stop_and_cleanup(self) -> None:
        """Threads, which a stop callback may end, have ended when the cleanups run."""
        began, end = threading.Event(), threading.Event()
        thread = _waiting(began, end)
        alive: list[bool] = []
        with self.worker() as driven:
            driven.context.defer_cleanup(lambda: alive.append(thread.is_alive()))
            driven.context.defer_stop(end.set)
            driven.context.add_thread(thread)
            driven.start()
            expect(began.wait(_JOIN_SECONDS), "the thread was not started")
            driven.stop()
            driven.cleanup()
        expect_same(alive, [False], "whether the thread was alive in the cleanup")

    def test_thread_that_does_not_end_is_left(self) -> None:
        """A thread that does not end holds the cleanups up for a few seconds at most."""
        ran: list[str] = []
        began, end = threading.Event(), threading.Event()
        with self.worker() as driven:
            driven.context.defer_cleanup(_said(ran, "cleanup"))
            driven.context.add_thread(_waiting(began, end))
            driven.start()
            driven.cleanup()
            expect_same((ran, end.is_set()), (["cleanup"], False), "what ran")
            end.set()

    def test_failure_of_the_worker_is_kept(self) -> None:
        """The first error that `fail` is told is kept, and everything is still given back."""
        ran: list[str] = []
        first = RuntimeError("the model could not be loaded")
        with self.worker() as driven:
            driven.context.defer_cleanup(_said(ran, "cleanup"))
            driven.start()
            driven.context.fail(first)
            driven.context.fail(RuntimeError("and then this"))
            expect(driven.error() is first, f"expected {first!r}, found {driven.error()!r}")
            driven.stop()
            driven.cleanup()
        expect_same(ran, ["cleanup"], "what ran")


def _said(ran: list[str], word: str) -> Callable[[], None]:
    return lambda: ran.append(word)


def _waiting(began: threading.Event, end: threading.Event) -> threading.Thread:
    """A thread that says it began and goes on until `end`, for half a minute at most."""

    def wait() -> None:
        began.set()
        end.wait(30)

    return threading.Thread(target=wait)
