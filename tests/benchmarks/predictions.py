"""Predictions a second through FastAPI and Flask, beside bare applications that do the same.

    python -m tests.benchmarks.predictions --seconds 4

The bare applications read the same CSV with pandas, ask the same scikit-learn model, and write the
same JSON, in a thread of their framework. Each pair runs one after the other, several times.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.served import served
from tests.model_folders import REGRESSION, linear_model, make_folder

DRUM = "import sys; from drum_core.cli import main; sys.exit(main(sys.argv[1:]))"

COMMON = """\
import io, logging, pickle, sys
from pathlib import Path
import pandas as pd
model = pickle.loads(Path(sys.argv[1], "model.pkl").read_bytes())
logging.basicConfig(level=logging.WARNING)

def predict(body):
    return {"predictions": model.predict(pd.read_csv(io.BytesIO(body))).tolist()}

import socket
sock = socket.create_server(("127.0.0.1", 0), backlog=2048)
print("Listening on http://127.0.0.1:%d" % sock.getsockname()[1], flush=True)
"""

BARE_FASTAPI = (
    COMMON
    + """
import uvicorn
from fastapi import Body, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
app = FastAPI()

@app.get("/readyz")
def readyz():
    return "ready"

@app.post("/predict/")
async def answer(request: Request):
    return await run_in_threadpool(predict, await request.body())

config = uvicorn.Config(app, log_level="warning", access_log=False)
uvicorn.Server(config).run(sockets=[sock])
"""
)

BARE_FLASK = (
    COMMON
    + """
from flask import Flask, request
from gunicorn.app.base import BaseApplication
app = Flask("bare")

@app.get("/readyz")
def readyz():
    return "ready"

@app.post("/predict/")
def answer():
    return predict(request.get_data())

class Application(BaseApplication):
    def load_config(self):
        options = {"bind": f"fd://{sock.detach()}", "worker_class": "gthread", "threads": 32,
                   "control_socket_disable": True, "keepalive": 5, "loglevel": "warning"}
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self):
        return app

Application().run()
"""
)


async def client(port: int, body: bytes, until: float) -> int:
    """Asks on one connection as fast as it is answered; how many answers came."""
    request = (
        b"POST /predict/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = 0
    while time.monotonic() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        assert head.startswith(b"HTTP/1.1 200"), head
        assert length is not None, head
        await reader.readexactly(int(length[1]))
        answers += 1
    writer.close()
    return answers


def rate(port: int, body: bytes, seconds: float, clients: int) -> float:
    """Answers a second."""

    async def run() -> int:
        until = time.monotonic() + seconds
        return sum(await asyncio.gather(*(client(port, body, until) for _ in range(clients))))

    return asyncio.run(run()) / seconds


def main() -> int:
    """Measures, and tells the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--rows", type=int, default=1)
    asked = parser.parse_args()
    body = b"a,b\n" + b"1.5,2.5\n" * asked.rows
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = make_folder(Path(scratch, "model"), metadata=REGRESSION, artifact=linear_model())

        def drum(server: str) -> int:
            words = ["server", "-cd", str(folder), "--address", "127.0.0.1:0"]
            words += ["--server", server, "--logging-level", "info"]
            log = Path(scratch, f"{server}.log")
            return stack.enter_context(served(DRUM, words, log, ready="/readyz"))

        def bare(code: str, name: str) -> int:
            log = Path(scratch, f"{name}.log")
            return stack.enter_context(served(code, [str(folder)], log, ready="/readyz"))

        pairs = {
            "FastAPI": (drum("uvicorn"), bare(BARE_FASTAPI, "bare-fastapi")),
            "Flask": (drum("gunicorn"), bare(BARE_FLASK, "bare-flask")),
        }
        for name, ports in pairs.items():
            found: tuple[list[float], list[float]] = ([], [])
            for _ in range(asked.rounds):
                for port, rates in zip(ports, found, strict=True):
                    rates.append(rate(port, body, asked.seconds, asked.clients))
            ours, theirs = (statistics.median(rates) for rates in found)
            sys.stdout.write(
                f"{name}: drum {ours:.0f} a second, bare {theirs:.0f} a second, "
                f"ratio {ours / theirs:.2f}\n"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
