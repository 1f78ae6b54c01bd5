"""The client against a small real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from drum_core.load_test.answers import AnswerCheck
from drum_core.load_test.cases import Case
from drum_core.load_test.client import open_client
from drum_core.load_test.record import Record
from drum_core.load_test.workload import Body

BODY = Body(b"x\n1\n", "text/csv", 1)
GOOD = b'{"predictions":[1.0]}'


@asynccontextmanager
async def server(answer: Callable[[int], tuple[float, int, bytes]]) -> AsyncIterator[str]:
    """Answers one request at a time: `answer` gives delay, status and body of each, by number."""
    turn, number = asyncio.Lock(), 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal number
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                async with turn:
                    delay, status, body = answer(number)
                    number += 1
                    await asyncio.sleep(delay)
                head = b"HTTP/1.1 %d x\r\nServer-Timing: predict;dur=2.5\r\n" % status
                writer.write(head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}"
    finally:
        running.close()


def drive(case: Case, answer: Callable[[int], tuple[float, int, bytes]]) -> Record:
    """Runs one case."""

    async def run() -> Record:
        record = Record()
        async with server(answer) as url, open_client(url, {}) as client:
            await client.drive(case, "/predict/", [BODY], AnswerCheck("predictions"), record)
        record.close()
        return record

    return asyncio.run(run())


def rate_case(rate: float, seconds: float) -> Case:
    """Requests at a rate."""
    return Case(name="rate", kind="rate", samples=1, rate=rate, duration=seconds)


def test_latency_at_a_rate_counts_from_when_a_request_was_due() -> None:
    """While a server stalls, requests go on being due: their waiting is latency, not left out."""
    record = drive(rate_case(100, 1), lambda number: (0.5 if number == 0 else 0, 200, GOOD))
    assert len(record.latencies) == 100
    # Those that were due in the first 0.3 s have waited 0.2 s at least.
    assert sum(latency >= 0.19 for latency in record.latencies) >= 29


def test_rate_is_kept() -> None:
    """As many requests are sent as rate and duration say, none before it is due."""
    record = drive(rate_case(50, 0.6), lambda number: (0, 200, GOOD))
    assert record.finished == 30
    assert max(record.ends) - record.begin >= 29 / 50


def test_iterations_are_shared_among_clients() -> None:
    """Three clients send ten requests in all, and the server's own times are noted."""
    case = Case(name="c", kind="concurrency", samples=1, concurrency=3, iterations=10)
    record = drive(case, lambda number: (0, 200, GOOD))
    assert record.finished == len(record.latencies) == 10
    assert record.predictions == [0.0025] * 10
    assert record.running == 0


def test_failures_are_counted_by_kind() -> None:
    """Statuses, wrong numbers of predictions and answers that are no JSON are told apart."""
    answers = [
        (0.0, 503, b'{"message":"ERROR: busy"}'),
        (0.0, 200, b'{"predictions":[1,2]}'),
        (0.0, 200, b"<html>"),
        (0.0, 200, b'{"other":1}'),
        (0.0, 200, GOOD),
    ]
    case = Case(name="c", kind="size", samples=1, concurrency=1, iterations=5)
    record = drive(case, lambda number: answers[number])
    assert record.failures == {
        "status 503": 1,
        "wrong number of predictions": 1,
        "no JSON": 1,
        "no predictions": 1,
    }
    assert record.examples["wrong number of predictions"] == "2 predictions for 1 rows"
    assert len(record.latencies) == 1
    result = record.result(case, 4, origin=record.begin, problem="", timed_out=False)
    assert result.problem.startswith("4 of 5 requests failed (most: ")


def test_hopeless_case_ends_early() -> None:
    """A case of a million requests that all fail is given up after a hundred or so."""
    case = Case(name="c", kind="size", samples=1, concurrency=50, iterations=1_000_000)
    record = drive(case, lambda number: (0, 500, b""))
    assert 100 <= record.finished <= 200


def test_nobody_listens() -> None:
    """Refused connections are failures of their own kind."""

    async def run() -> Record:
        record = Record()
        async with server(lambda number: (0, 200, GOOD)) as url:
            pass
        async with open_client(url, {}) as client:
            case = Case(name="c", kind="size", samples=1, concurrency=1, iterations=2)
            await client.drive(case, "/predict/", [BODY], AnswerCheck("predictions"), record)
            assert await client.get("/readyz") == (0, b"")
        return record

    assert asyncio.run(run()).failures == {"no connection": 2}
