"""Restarts a server under load, again and again: which requests were lost?

    python -m tests.benchmarks.restarts [--restarts 10] [--clients 50]

On each server, SIGTERM comes while the clients send requests as fast as they are answered, on
connections that are kept alive. A request is lost if it was sent on a connection that was accepted
and was not answered, or by another status than 200 or 503. That nobody listens between two servers
is no loss: those clients end.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx2 as httpx

from drum_core.child_server import ChildServer, child_server
from tests.model_folders import make_folder

CUSTOM = """
    import pandas as pd

    def load_model(code_dir):
        return 1

    def score(data, model, **kwargs):
        return pd.DataFrame({"Predictions": [1.0] * len(data)})
"""


async def ask(child: ChildServer, seen: Counter[str], stop: asyncio.Event) -> None:
    """One client, until the server is gone."""
    headers = {**child.headers, "Content-Type": "text/csv"}
    async with httpx.AsyncClient(headers=headers, timeout=30) as client:
        while not stop.is_set():
            try:
                answer = await client.post(f"{child.url}/predict/", content=b"x\n1\n")
            except httpx.ConnectError:
                return
            except httpx.TransportError as error:
                seen[f"lost: {type(error).__name__}"] += 1
                return
            seen[str(answer.status_code)] += 1


async def one_restart(child: ChildServer, clients: int, seen: Counter[str]) -> None:
    """Load, SIGTERM, the end."""
    stop = asyncio.Event()
    asking = [asyncio.create_task(ask(child, seen, stop)) for _ in range(clients)]
    await asyncio.sleep(2)
    os.kill(child.pid, signal.SIGTERM)
    until = time.monotonic() + 60
    while child.exit_status() is None and time.monotonic() < until:
        await asyncio.sleep(0.05)
    if child.exit_status() != 0:
        seen[f"lost: the server ended with {child.exit_status()}"] += 1
    stop.set()
    await asyncio.gather(*asking)


def main() -> int:
    """Prints a line for each server; 1 when anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--workers", type=int, default=1)
    told = parser.parse_args()
    lost = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = make_folder(Path(scratch, "m"), custom=CUSTOM)
        for server in ("werkzeug", "gunicorn", "uvicorn"):
            seen: Counter[str] = Counter()
            for _ in range(told.restarts):
                words = [f"--code-dir={folder}", "--server", server]
                words += ["--max-workers", str(told.workers)]
                with child_server(words, ready_seconds=90) as child:
                    asyncio.run(one_restart(child, told.clients, seen))
            lost += sum(count for what, count in seen.items() if what not in ("200", "503"))
            what = ", ".join(f"{count} x {what}" for what, count in sorted(seen.items()))
            sys.stdout.write(f"{server}: {told.restarts} restarts, {what}\n")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
