"""The server that is measured: one of our own, or one that runs already."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from drum_core.child_server import child_server, server_arguments
from drum_core.errors import ServerError

if TYPE_CHECKING:
    from drum_core.load_test.client import Client
    from drum_core.options.perf_test import PerfTestOptions

__all__ = ["MeasuredServer", "about_server", "await_workers", "measured_server"]

_BURST: Final = 8
_PATIENCE: Final = 20.0
"""Seconds in which every worker should have been seen, once one is ready."""


@dataclass(frozen=True, slots=True)
class MeasuredServer:
    """Where it is, what it asks for, and whether it still lives; `pid` is `None` if not ours.

    `check` raises `ServerError` with its last words when it has ended.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    pid: int | None
    check: Callable[[], None]


@contextmanager
def measured_server(options: PerfTestOptions) -> Iterator[MeasuredServer]:
    """Starts a server as `options` say, or takes the one at their `url`; ready in either case.

    Raises `ServerError`.
    """
    if options.url is not None:
        token = (options.server_token or "").split(",")[0].strip()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        yield MeasuredServer(options.url.rstrip("/"), headers, None, lambda: None)
        return
    words, variables = server_arguments(options)
    if options.in_server:
        words.append("--show-perf")
    with child_server(words, variables=variables, ready_seconds=options.ready_timeout) as child:
        yield MeasuredServer(child.url, child.headers, child.pid, child.check)


async def await_workers(client: Client, options: PerfTestOptions, server: MeasuredServer) -> str:
    """Waits until every worker is ready; a doubt, if they were not all seen.

    A server that shares a port among workers says it is ready when the first one is. So it is asked
    over many connections at once, until all answers come from ready ones and from as many
    processes as there are workers. Raises `ServerError` where nobody is ready in time.
    """
    wanted = 1 if options.url is not None else options.workers()
    until = time.monotonic() + options.ready_timeout
    patience = time.monotonic() + _PATIENCE
    seen: set[int] = set()
    while True:
        server.check()
        burst = _BURST * wanted
        ready = await asyncio.gather(*(client.get("/readyz") for _ in range(burst)))
        if all(status == 200 for status, _ in ready) or _has_no_probe(ready):
            seen |= await _workers(client, burst if wanted > 1 else 1)
            if len(seen) >= wanted or options.url is not None:
                return ""
            if time.monotonic() > patience:
                return f"only {len(seen)} of {wanted} workers were seen before the test began"
        if time.monotonic() > until:
            status = max(status for status, _ in ready)
            raise ServerError(
                f"{server.url} was not ready within {options.ready_timeout} s: "
                + (f"GET /readyz gives {status}." if status else "nothing answers there.")
                + " Start the server first, or give it more time with --ready-timeout."
            )
        await asyncio.sleep(0.05)


def _has_no_probe(answers: list[tuple[int, bytes]]) -> bool:
    """DRUM's own server does not have this one; `/` answers there when the model is loaded."""
    return all(status == 404 for status, _ in answers)


async def _workers(client: Client, burst: int) -> set[int]:
    """The processes that serve, as those say that answer; in DRUM each tells of itself alone."""
    answers = await asyncio.gather(*(client.get("/stats/") for _ in range(burst)))
    found = set()
    for status, answer in answers:
        if status == 200:
            try:
                found |= {int(process["pid"]) for process in json.loads(answer)["drum_info"]}
            except (ValueError, KeyError, TypeError):
                continue
    return found


async def about_server(client: Client) -> Mapping[str, object]:
    """What `/info/` says; empty if it says nothing. Raises `ServerError` if access is refused."""
    status, answer = await client.get("/info/")
    if status in (401, 403):
        raise ServerError(
            f"{client.url} refuses access (status {status}): give its token in the environment "
            "variable DRUM_SERVER_TOKEN."
        )
    try:
        content: object = json.loads(answer) if status == 200 else {}
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
