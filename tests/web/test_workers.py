"""`WorkerCtx` and `FastAPIWorkerCtx`: what each adds to a worker."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest
from starlette.applications import Starlette

import drum_web
from drum_web import FastAPIWorkerCtx, WorkerCtx


class Pool:
    """Something with a life of its own."""

    def __init__(self, log: list[str]) -> None:
        self._log = log

    def close(self) -> None:
        """Ends it."""
        self._log.append("close")

    def shutdown(self) -> None:
        """Ends it in another way."""
        self._log.append("shutdown")


def test_closeables_are_closed_by_order() -> None:
    """`add_closeable` calls `close`, or the method named; an object without it is no error."""
    log: list[str] = []
    worker = WorkerCtx("the app")
    worker.add_closeable(Pool(log), order=1)
    worker.add_closeable(Pool(log), "shutdown", order=2, desc="the pool")
    worker.add_closeable(object())
    worker.cleanup()
    assert log == ["shutdown", "close"]
    assert worker.app == "the app"


@pytest.mark.parametrize("kind", [WorkerCtx, FastAPIWorkerCtx])
def test_owner_is_told_once(kind: type[WorkerCtx] | type[FastAPIWorkerCtx]) -> None:
    """Of several failures the server that owns the worker hears the first."""
    told: list[BaseException] = []
    worker = kind(on_fail=told.append)
    first = ValueError("first")
    worker.fail(first)
    worker.fail(ValueError("second"))
    assert told == [first]
    assert worker.error() is first


def test_ending_does_not_block_the_loop() -> None:
    """While the callbacks of the end run, the loop goes on, and serves their coroutines."""
    worker = FastAPIWorkerCtx()
    turns = 0
    threads: list[int] = []

    async def run() -> None:
        nonlocal turns
        gate = threading.Event()

        async def open_gate() -> None:
            await asyncio.sleep(0.05)
            gate.set()

        def wait() -> None:
            threads.append(threading.get_ident())
            assert gate.wait(5)

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.005)

        async with worker.lifespan(Starlette()):
            worker.defer_stop(open_gate, order=1)
            worker.defer_cleanup(wait)
            counter = asyncio.create_task(count())
        counter.cancel()

    asyncio.run(run())
    assert turns > 3
    assert threads
    assert threads[0] != threading.get_ident()


def test_coroutine_on_the_loop_itself_does_not_deadlock() -> None:
    """A worker that is stopped from the loop runs its coroutines elsewhere."""
    worker = FastAPIWorkerCtx()
    done: list[str] = []

    async def stop() -> None:
        done.append("stop")

    async def run() -> None:
        async with worker.lifespan(Starlette()):
            worker.defer_stop(stop)
            worker.stop()

    asyncio.run(asyncio.wait_for(run(), 5))
    assert done == ["stop"]


def test_error_of_the_application_ends_the_worker_too() -> None:
    """When the application fails inside its lifespan, the worker is cleaned up all the same."""
    worker = FastAPIWorkerCtx()
    done: list[str] = []
    worker.defer_cleanup(lambda: done.append("cleanup"))

    async def run() -> None:
        async with worker.lifespan(Starlette()):
            raise ValueError("application")

    with pytest.raises(ValueError, match="application"):
        asyncio.run(run())
    assert done == ["cleanup"]


def test_failing_callback_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A coroutine that fails is logged, and the next callback runs."""
    caplog.set_level(logging.ERROR)
    worker = FastAPIWorkerCtx()
    done: list[str] = []

    async def bad() -> None:
        raise ValueError("bad coroutine")

    async def run() -> None:
        async with worker.lifespan(Starlette()):
            worker.defer_cleanup(lambda: done.append("next"), order=-1)
            worker.defer_cleanup(bad, desc="the bad one")

    asyncio.run(run())
    assert done == ["next"]
    assert "the bad one" in caplog.text


def test_public_names() -> None:
    """`drum_web` has its four names, and no other."""
    for name in drum_web.__all__:
        assert getattr(drum_web, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'FlaskApplication'"):
        drum_web.FlaskApplication  # noqa: B018 - the access is the test
