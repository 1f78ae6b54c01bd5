"""Many open chat streams in one uvicorn worker, and how long its probes take meanwhile.

    python -m tests.benchmarks.chat_streams --streams 500 --rate 20 --seconds 10

Fails when a chunk is lost or a probe takes more than `--limit` milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.served import served
from tests.model_folders import REGRESSION, make_folder

HOOK = """\
import asyncio
import time

from openai.types.chat import ChatCompletionChunk


async def chat(params, model):
    count, pause, start = params["count"], 1 / params["rate"], time.monotonic()
    for number in range(count):
        await asyncio.sleep(max(0, start + number * pause - time.monotonic()))
        yield ChatCompletionChunk.model_validate({
            "id": "bench", "object": "chat.completion.chunk", "created": 1, "model": "bench",
            "choices": [{"index": 0, "delta": {"content": str(number)}, "finish_reason": None}],
        })
"""

DRUM = "import sys; from drum_core.cli import main; sys.exit(main(sys.argv[1:]))"


class Stream(asyncio.Protocol):
    """One client: sends the request, keeps what comes."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._parts: list[bytes] = []
        self._first = 0.0
        self._began = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sends the request."""
        assert isinstance(transport, asyncio.Transport)
        self._began = time.monotonic()
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Keeps the bytes."""
        if not self._parts:
            self._first = time.monotonic() - self._began
        self._parts.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream is over."""
        if not self.ended.done():
            self.ended.set_result(None)

    def numbers(self) -> list[int]:
        """The numbers of the chunks, in order; empty when DONE is missing."""
        body = b"".join(self._parts)
        if b"data: [DONE]" not in body:
            return []
        return [int(text) for text in re.findall(rb'"content":"(\d+)"', body)]

    def first_seconds(self) -> float:
        """How long the first byte took."""
        return self._first


@dataclass
class Probes:
    """Times of `GET /livez`, in seconds, on one connection, one every 20 ms."""

    port: int
    seconds: list[float] = field(default_factory=list)

    async def run(self) -> None:
        """Asks until it is cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            while True:
                began = time.perf_counter()
                writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head.lower())
                assert length is not None, head
                await reader.readexactly(int(length[1]))
                self.seconds.append(time.perf_counter() - began)
                await asyncio.sleep(0.02)
        finally:
            writer.close()


async def measure(port: int, streams: int, count: int, rate: float) -> tuple[Probes, list[Stream]]:
    """Opens the streams over the first second, and waits for all of them."""
    body = json.dumps(
        {"messages": [{"role": "user", "content": "go"}], "count": count, "rate": rate}
    ).encode()
    request = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    loop = asyncio.get_running_loop()
    probes = Probes(port)
    probing = asyncio.create_task(probes.run())
    opened: list[Stream] = []
    for _ in range(streams):
        _, stream = await loop.create_connection(lambda: Stream(request), "127.0.0.1", port)
        opened.append(stream)
        await asyncio.sleep(1 / streams)
    await asyncio.wait([stream.ended for stream in opened], timeout=count / rate * 3 + 10)
    probing.cancel()
    return probes, opened


def main() -> int:
    """Measures, and tells; 0 when nothing was lost and no probe was late."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--rate", type=float, default=20.0, help="chunks a second, in each stream")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--limit", type=float, default=100.0, help="of a probe, in milliseconds")
    asked = parser.parse_args()
    count = round(asked.rate * asked.seconds)
    with tempfile.TemporaryDirectory() as scratch:
        folder = make_folder(Path(scratch, "model"), metadata=REGRESSION, custom=HOOK)
        words = ["server", "-cd", str(folder), "--address", "127.0.0.1:0", "--server", "uvicorn"]
        words += ["--logging-level", "info"]
        with served(DRUM, words, Path(scratch, "log"), ready="/readyz") as port:
            began = time.monotonic()
            probes, streams = asyncio.run(measure(port, asked.streams, count, asked.rate))
            took = time.monotonic() - began
    whole = sum(stream.numbers() == list(range(count)) for stream in streams)
    times = sorted(1000 * seconds for seconds in probes.seconds)
    first = sorted(1000 * stream.first_seconds() for stream in streams)
    sys.stdout.write(
        f"{asked.streams} streams, {count} chunks each at {asked.rate:g} a second: "
        f"{whole} complete, {asked.streams - whole} not, in {took:.1f} s\n"
        f"first byte: median {statistics.median(first):.1f} ms, worst {first[-1]:.1f} ms\n"
        f"{len(times)} probes: median {statistics.median(times):.1f} ms, "
        f"99% {times[int(len(times) * 0.99)]:.1f} ms, worst {times[-1]:.1f} ms, "
        f"the {probes.seconds.index(max(probes.seconds)) + 1}th\n"
    )
    return 0 if whole == asked.streams and times[-1] <= asked.limit else 1


if __name__ == "__main__":
    sys.exit(main())
