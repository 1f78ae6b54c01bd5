"""The client: sends the requests of a case, in a closed loop or at a rate, and notes each.

It is aiohttp. Of one processor it takes about 0.1 ms a request, httpx2 four times as much or more:
more than many a model, so that a test would measure its own client
(tests/benchmarks/load_client.py compares them).
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

from drum_core.load_test.answers import AnswerCheck
from drum_core.load_test.record import Record
from drum_core.registry import missing_extra

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp

    from drum_core.load_test.cases import Case
    from drum_core.load_test.workload import Body

__all__ = ["Client", "open_client"]

_MOST_RUNNING: Final = 800
"""Requests of a rate that are under way at a time; a process may often have 1024 files open."""

_AFTER_FAILURE: Final = 0.05
"""A client whose request failed waits, so that an ended server is not asked a million times."""

_SERVER_TIME: Final = re.compile(r"\bpredict;dur=([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Client:
    """Sends to one server, over connections that are kept. Made by `open_client`."""

    url: str
    _session: aiohttp.ClientSession
    _errors: tuple[type[Exception], ...]

    async def drive(
        self, case: Case, path: str, bodies: list[Body], check: AnswerCheck, record: Record
    ) -> None:
        """Runs the case to its end; what is cancelled leaves what was noted so far."""
        numbers = count() if case.iterations is None else iter(range(case.iterations))

        async def send(number: int, due: float | None = None) -> bool:
            variant = number % len(bodies)
            body = bodies[variant]
            return await self._send(f"{self.url}{path}", body, variant, check, record, due)

        if case.rate is not None:
            await _open_loop(case, send, record)
            return
        until = None if case.iterations is not None else record.begin + case.duration
        clients = case.concurrency or 1
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(_closed_loop(numbers, until, send, record))

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and body, over a connection of its own; status 0 where there was no answer."""
        try:
            async with self._session.get(
                f"{self.url}{path}", headers={"Connection": "close"}
            ) as answer:
                return answer.status, await answer.read()
        except self._errors:
            return 0, b""

    async def _send(
        self,
        url: str,
        body: Body,
        variant: int,
        check: AnswerCheck,
        record: Record,
        due: float | None,
    ) -> bool:
        """Sends one request; whether it succeeded. Its time counts from `due`, if that is given."""
        sent = time.perf_counter()
        since = sent if due is None else due
        record.running += 1
        try:
            async with self._session.post(
                url, data=body.data, headers={"Content-Type": body.content_type}
            ) as answer:
                begun = await answer.content.readany()
                first = time.perf_counter()
                content = begun + await answer.content.read()
                end = time.perf_counter()
                status, said = answer.status, answer.headers.get("Server-Timing", "")
        except self._errors as error:
            record.fail(_kind(error), str(error))
            return False
        finally:
            record.running -= 1
        kind, example = check.problem(status, content, variant, body)
        if kind:
            record.fail(kind, example)
            return False
        record.ends.append(end)
        record.latencies.append(end - since)
        record.first_bytes.append(first - since)
        if found := _SERVER_TIME.search(said):
            record.predictions.append(float(found[1]) / 1000)
        if due is not None:
            record.lates.append(max(0.0, sent - due))
        return True


@asynccontextmanager
async def open_client(url: str, headers: Mapping[str, str]) -> AsyncIterator[Client]:
    """A client of the server at `url`, closed with its connections on exit.

    Raises `MissingExtraError`.
    """
    try:
        import aiohttp
    except ModuleNotFoundError as error:
        if (missing := missing_extra(error, purpose="drum perf-test")) is None:
            raise
        raise missing from error

    session = aiohttp.ClientSession(
        # No limit, and no proxy of the environment: what is measured is the server.
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=None),
        timeout=aiohttp.ClientTimeout(total=None),
        headers=dict(headers),
        auto_decompress=True,
    )
    async with session:
        yield Client(url, session, (aiohttp.ClientError, OSError))


async def _closed_loop(
    numbers: Iterator[int],
    until: float | None,
    send: Callable[[int], Coroutine[None, None, bool]],
    record: Record,
) -> None:
    """One client: the next request is sent when the last one is answered."""
    for number in numbers:
        if record.hopeless or (until is not None and time.perf_counter() >= until):
            return
        if not await send(number):
            await asyncio.sleep(_AFTER_FAILURE)


async def _open_loop(
    case: Case, send: Callable[[int, float], Coroutine[None, None, bool]], record: Record
) -> None:
    """Requests at even distances, whether the ones before are answered or not.

    Each counts from the moment it is due: also when the client is late, because it has as many
    under way as it may, or was busy. Otherwise a server that stalls would only delay requests that
    would have been slow, and look fast ("coordinated omission").
    """
    rate, expected = case.rate or 1.0, case.expected or 1
    room = asyncio.Semaphore(_MOST_RUNNING)

    async def one(number: int, due: float) -> None:
        try:
            await send(number, due)
        finally:
            room.release()

    async with asyncio.TaskGroup() as group:
        for number in range(expected):
            due = record.begin + number / rate
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            elif number % 100 == 0:
                await asyncio.sleep(0)  # answers are read even when the client is late
            await room.acquire()
            if record.hopeless:
                room.release()
                return
            group.create_task(one(number, due))


def _kind(error: Exception) -> str:
    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorError):
        return "no connection"
    if isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError)):
        return "connection closed"
    if isinstance(error, OSError):
        return "connection closed"
    return type(error).__name__
