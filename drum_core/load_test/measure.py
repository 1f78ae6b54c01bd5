"""Runs the cases of a test, one after another, on one server."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

from drum_core.errors import ServerError
from drum_core.load_test.answers import AnswerCheck
from drum_core.load_test.cases import Case
from drum_core.load_test.client import Client, open_client
from drum_core.load_test.measured_server import MeasuredServer, about_server, await_workers
from drum_core.load_test.memory import MemoryCurve
from drum_core.load_test.record import Record
from drum_core.load_test.workload import Workload
from drum_core.options.perf_test import PerfTestOptions
from drum_core.progress import Advance, Progress
from drum_core.results.perf_test import PerfCase

__all__ = ["Measured", "measure_cases"]

_LOOK_SECONDS: Final = 0.1
_BUSY: Final = 0.9
_LATE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Measured:
    """What the cases came to; `server` is what the server says it is."""

    cases: tuple[PerfCase, ...]
    server: str
    remarks: tuple[str, ...]


async def measure_cases(
    options: PerfTestOptions,
    workload: Workload,
    cases: list[Case],
    server: MeasuredServer,
    memory: MemoryCurve,
    progress: Progress,
    *,
    origin: float,
) -> Measured:
    """Warms the server up, then runs the cases; those after the death of a server are not run.

    `origin` is the moment, of `time.perf_counter`, that times count from. Raises `ServerError`
    when the server is not ready to begin with.
    """
    run = _Run(options, workload, server, memory, progress, origin)
    async with open_client(server.url, server.headers) as client:
        with progress.phase("Waiting for the workers"):
            doubt = await await_workers(client, options, server)
        about = await about_server(client)
        with progress.phase("Warming up"):
            await run.warm_up(client, cases)
        done = [await run.case(client, case) for case in cases]
    remarks = [doubt] if doubt else []
    remarks += _doubts(done)
    return Measured(tuple(done), str(about.get("drumServer", "")), tuple(remarks))


def _doubts(done: list[PerfCase]) -> Iterator[str]:
    """What the client did not do as it should have."""
    loads = [case for case in done if case.requests and case.kind != "size"]
    busy = [case.name for case in loads if case.client_busy > _BUSY]
    if busy:
        yield (
            f"the client was as busy as one processor can be ({', '.join(busy)}): the server may "
            "be faster than these figures"
        )
    for case in done:
        if case.late is not None and case.late > _LATE:
            yield (
                f"at {case.name} one request in a hundred was sent {case.late * 1000:.0f} ms late "
                "or more; its latency counts from when it was due"
            )


@dataclass(slots=True)
class _Run:
    options: PerfTestOptions
    workload: Workload
    server: MeasuredServer
    memory: MemoryCurve
    progress: Progress
    origin: float
    dead: str = ""
    untold: str = ""
    """How the server ended, if that was before the first case, in whose report it is told."""

    async def warm_up(self, client: Client, cases: list[Case]) -> None:
        """Sends requests of the first case, which count for nothing, to every worker."""
        if not self.options.warm_up:
            return
        first = min(cases, key=lambda case: case.samples or 0)
        case = dataclasses.replace(
            first,
            concurrency=2 * (1 if self.options.url else self.options.workers()),
            rate=None,
            iterations=None,
            duration=self.options.warm_up,
        )
        await self._drive(client, case, Record())
        self.untold = self.dead

    async def case(self, client: Client, case: Case) -> PerfCase:
        """Runs one case, whatever comes of it."""
        record = Record()
        if self.dead:
            record.close()
            problem = "not run, because the server has ended"
            if self.untold:
                problem, self.untold = f"{problem} while it was warmed up. {self.untold}", ""
            return record.result(case, 0, origin=self.origin, problem=problem, timed_out=False)
        size = 0
        with self.progress.task(case.name, case.expected, unit="requests") as advance:
            async with _told(record, advance):
                size, problem, timed_out = await self._drive(client, case, record)
        done = record.result(case, size, origin=self.origin, problem=problem, timed_out=timed_out)
        peak = self.memory.peak(done.started, done.started + done.seconds)
        return dataclasses.replace(done, memory=peak)

    async def _drive(self, client: Client, case: Case, record: Record) -> tuple[int, str, bool]:
        """Sends the requests, and looks after the server and the clock meanwhile."""
        bodies = self.workload.bodies(case.samples)
        check = AnswerCheck(self.workload.answers)
        record.begin, record.busy_begin = time.perf_counter(), time.process_time()
        load = asyncio.create_task(client.drive(case, self.workload.path, bodies, check, record))
        problem, timed_out = "", False
        try:
            while not load.done():
                await asyncio.wait({load}, timeout=_LOOK_SECONDS)
                self.server.check()
                if time.perf_counter() - record.begin > self.options.timeout:
                    timed_out = not load.done()
                    break
        except ServerError as error:
            self.dead = problem = str(error)
        finally:
            unfinished = record.running
            load.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await load
            record.close()
        if timed_out:
            problem = f"timed out ({self.options.timeout}s)"
            record.failures.update({"timeout": unfinished} if unfinished else {})
            record.examples["timeout"] = problem
        return len(bodies[0].data), problem, timed_out


@contextlib.asynccontextmanager
async def _told(record: Record, advance: Advance) -> AsyncIterator[None]:
    """Inside, progress is told five times a second: not for each request, which would cost."""
    told = 0

    def tell() -> None:
        nonlocal told
        news, told = record.finished - told, record.finished
        advance(news)

    async def keep_telling() -> None:
        while True:
            await asyncio.sleep(0.2)
            tell()

    task = asyncio.create_task(keep_telling())
    try:
        yield
    finally:
        task.cancel()
        tell()
