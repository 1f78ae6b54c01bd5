"""What the client of `drum perf-test` costs a request, beside httpx2.

python -m tests.benchmarks.load_client

Both ask a server that does next to nothing, in a process of its own, for two seconds. The figure is
the processor time of the client for each request.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

import httpx2

from drum_core.load_test.answers import AnswerCheck
from drum_core.load_test.cases import Case
from drum_core.load_test.client import open_client
from drum_core.load_test.record import Record
from drum_core.load_test.workload import Body

_SECONDS = 2.0
_BODY = Body(b"x\n" + b"1\n" * 100, "text/csv", 1)
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n"
    b'{"predictions":[1.5]}'
)


class _Answering(asyncio.Protocol):
    """Answers each request as soon as its last byte is there."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._read = transport, b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (head := self._read.find(b"\r\n\r\n")) >= 0:
            length = self._read[:head].lower().partition(b"content-length: ")[2]
            end = head + 4 + int(length.split(b"\r\n")[0])
            if len(self._read) < end:
                return
            self._read = self._read[end:]
            self._transport.write(_ANSWER)


def _serve(told: Connection) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Answering, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


async def _ours(url: str, clients: int) -> int:
    record = Record()
    case = Case(name="", kind="concurrency", samples=1, concurrency=clients, duration=_SECONDS)
    async with open_client(url, {}) as client:
        await client.drive(case, "/predict/", [_BODY], AnswerCheck("predictions"), record)
    assert not record.failures
    return record.finished


async def _httpx2(url: str, clients: int) -> int:
    finished, until = 0, time.perf_counter() + _SECONDS
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)

    async def ask() -> None:
        nonlocal finished
        while time.perf_counter() < until:
            headers = {"Content-Type": _BODY.content_type}
            answer = await client.post(f"{url}/predict/", content=_BODY.data, headers=headers)
            assert answer.status_code == 200
            finished += 1

    async with httpx2.AsyncClient(limits=limits, trust_env=False) as client:
        await asyncio.gather(*(ask() for _ in range(clients)))
    return finished


def _measure(name: str, run: Callable[[str, int], Awaitable[int]], url: str) -> None:
    for clients in (1, 16):

        async def counted(clients: int = clients) -> int:
            return await run(url, clients)

        began = time.process_time()
        finished = asyncio.run(counted())
        cost = (time.process_time() - began) / finished * 1e6
        rate = finished / _SECONDS
        sys.stdout.write(f"{name:8} {clients:3} clients {rate:8.0f}/s {cost:6.0f} µs each\n")


def main() -> None:
    """Runs the server, then both clients."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,))
    server.start()
    try:
        url = f"http://127.0.0.1:{ours.recv()}"
        _measure("aiohttp", _ours, url)
        _measure("httpx2", _httpx2, url)
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
