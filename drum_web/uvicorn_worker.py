"""`FastAPIWorkerCtx`: the life of one worker, tied to the lifespan of an ASGI application."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from typing_extensions import override

from drum_core.async_bridge import AsyncBridge, wait_for
from drum_core.protocols import WorkerContext
from drum_core.scoreboard import Place
from drum_core.worker import Worker

__all__ = ["FastAPIWorkerCtx"]

LOOK_SECONDS: Final = 0.05
"""How often a worker that loads looks whether it is needed already."""


class FastAPIWorkerCtx(Worker):
    """A `WorkerContext` for FastAPI and Starlette: `FastAPI(lifespan=ctx.lifespan)`.

    It belongs to one application and one run of it. `on_fail` is how a server that owns it learns,
    once, that the worker can never do its work; without it the error is only kept, and the routes
    answer 513.
    """

    def __init__(
        self,
        *,
        on_fail: Callable[[BaseException], object] | None = None,
        place: Place | None = None,
    ) -> None:
        super().__init__(place=place)
        self._on_fail = on_fail
        self._entered = False
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Starts on entry; on exit stops, then cleans up, both in a thread.

        Coroutines of the callbacks run on the application's loop, where what they close was
        opened. Raises `RuntimeError` when entered a second time.
        """
        if self._entered:
            raise RuntimeError(
                "This FastAPIWorkerCtx has been used already. It lives as long as one run of one "
                "application: make another for the next."
            )
        self._entered = True
        self._loop = asyncio.get_running_loop()
        self.bridge.adopt(self._loop)
        self.start()
        try:
            while self.place is not None and self.place.leaves_requests_to_others():
                await anyio.sleep(LOOK_SECONDS)
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self.cleanup)
            self._loop = None

    @override
    def fail(self, error: BaseException, /) -> None:
        """Keeps the first error; a server of ours then ends."""
        first = self.error() is None
        super().fail(error)
        if first and self._on_fail is not None:
            self._on_fail(error)

    @override
    def _settle(self, value: Awaitable[object] | object) -> None:
        loop = self._loop
        if loop is None or not loop.is_running() or not inspect.isawaitable(value):
            super()._settle(value)
        elif _running_loop() is loop:
            # Waiting here for this loop, which the bridge has adopted, would never end.
            other = AsyncBridge()
            try:
                wait_for(value, other)
            finally:
                other.close()
        else:
            asyncio.run_coroutine_threadsafe(_as_coroutine(value), loop).result()


async def _as_coroutine(value: Awaitable[object]) -> object:
    return await value


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


if TYPE_CHECKING:
    _context: type[WorkerContext] = FastAPIWorkerCtx
