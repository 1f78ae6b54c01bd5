"""The event loop of a worker's user code: how it ends, and what becomes of those who wait."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from drum_core.async_bridge import AsyncBridge
from drum_core.worker import LocalWorker


def bridge_threads() -> list[threading.Thread]:
    """The threads that run a loop of a bridge now."""
    return [thread for thread in threading.enumerate() if thread.name == "drum-async"]


def test_close_waits_for_slow_clean_up() -> None:
    """What is cancelled may clean up, also when that takes a while; whoever waits hears of it."""
    bridge = AsyncBridge()
    begun = threading.Event()
    log: list[str] = []

    async def work() -> None:
        try:
            begun.set()
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.3)
            log.append("cleaned up")

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bridge.call, work())
        assert begun.wait(5)
        bridge.close()
        assert log == ["cleaned up"]
        assert waiting.exception(5) is not None
    bridge.close()


def test_close_ends_asynchronous_generators() -> None:
    """A generator that nobody has finished gets to its `finally`, on the loop."""
    bridge = AsyncBridge()
    log: list[str] = []

    async def items() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0.1)
            log.append("closed")

    left = items()

    async def first() -> int:
        return await anext(left)

    assert bridge.call(first()) == 1
    bridge.close()
    assert log == ["closed"]


def test_call_raises_when_the_loop_ends_first() -> None:
    """A coroutine that cannot be cancelled in time is left behind, and its caller told."""
    bridge = AsyncBridge()
    begun = threading.Event()

    async def work() -> None:
        begun.set()
        for _ in range(100):
            try:
                await asyncio.sleep(0.5)
            except asyncio.CancelledError:
                continue

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bridge.call, work())
        assert begun.wait(5)
        began = time.monotonic()
        bridge.close(0.2)
        assert time.monotonic() - began < 1
        with pytest.raises(RuntimeError, match="loop ended before"):
            waiting.result(5)


def test_timeout_of_a_coroutine_is_its_own() -> None:
    """A coroutine may raise `TimeoutError`, and may take longer than the bridge's own steps."""
    bridge = AsyncBridge()

    async def work() -> None:
        await asyncio.sleep(0.3)
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        bridge.call(work())
    bridge.close()


def test_exit_of_a_coroutine_leaves_the_loop() -> None:
    """`sys.exit` in one coroutine is raised to its caller, while the others run on."""
    bridge = AsyncBridge()

    async def leave() -> None:
        raise SystemExit(3)

    try:
        loop = bridge.loop()
        with pytest.raises(SystemExit, match="3"):
            bridge.call(leave())
        assert bridge.loop() is loop
        assert loop.is_running()
    finally:
        bridge.close()


def test_late_coroutine_leaves_no_thread() -> None:
    """What is deferred when the worker has ended is run at once, and its loop ended."""
    before = bridge_threads()
    log: list[str] = []

    async def late() -> None:
        await asyncio.sleep(0)
        log.append("late")

    worker = LocalWorker()
    worker.close()
    worker.defer_cleanup(late)
    worker.defer_stop(late)
    assert log == ["late", "late"]
    assert bridge_threads() == before


def test_cleanup_deferred_by_a_cleanup_keeps_the_loop() -> None:
    """While cleanups run, one that is deferred by another does not end the loop of the rest."""
    loops: list[asyncio.AbstractEventLoop] = []

    async def note() -> None:
        loops.append(asyncio.get_running_loop())

    worker = LocalWorker()
    worker.defer_cleanup(note, order=1)
    worker.defer_cleanup(lambda: worker.defer_cleanup(note), order=2)
    worker.defer_cleanup(note, order=3)
    worker.close()
    assert len(loops) == 3
    assert len(set(loops)) == 1
    assert loops[0].is_closed()
