"""What the security of a server costs a request, in microseconds of processor time.

    python -m tests.benchmarks.security

Asks a probe of Flask and of FastAPI in this process, without a socket: with nothing set, and with
a token, hosts, proxies and pages all set. The least of several rounds counts.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.types import Message, Scope

from drum_core import CMRunner, DrumRuntime, LocalWorker, ServerOptions
from drum_web import FastAPIApp, FlaskApp
from tests.model_folders import DOUBLE, make_folder

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

TOKEN = "token-of-the-benchmark"
EVERYTHING = {
    "server_token": TOKEN,
    "trusted_hosts": ("localhost",),
    "trusted_proxies": ("10.0.0.0/8",),
    "cors_origins": ("https://app.example.com",),
    "hsts_max_age": 60,
}
SCOPE: Scope = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/livez",
    "raw_path": b"/livez",
    "query_string": b"",
    "root_path": "",
    "headers": [
        (b"host", b"localhost"),
        (b"authorization", f"Bearer {TOKEN}".encode()),
        (b"x-request-id", b"r"),
    ],
    "client": ("127.0.0.1", 1),
    "server": ("127.0.0.1", 80),
}
ENVIRON: WSGIEnvironment = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/livez",
    "QUERY_STRING": "",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "127.0.0.1",
    "HTTP_HOST": "localhost",
    "HTTP_AUTHORIZATION": f"Bearer {TOKEN}",
    "HTTP_X_REQUEST_ID": "r",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}


def asgi_seconds(app: FastAPIApp, requests: int) -> float:
    """Processor time of a request to FastAPI."""

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        assert message.get("status", 200) == 200

    async def run() -> float:
        started = time.process_time()
        for _ in range(requests):
            await app.app(dict(SCOPE), receive, send)
        return (time.process_time() - started) / requests

    return asyncio.run(run())


def wsgi_seconds(app: FlaskApp, requests: int) -> float:
    """Processor time of a request to Flask."""

    def start_response(
        status: str, headers: object, exc_info: object = None, /
    ) -> Callable[[bytes], object]:
        assert status == "200 OK"
        return lambda data: None

    start: StartResponse = start_response
    started = time.process_time()
    for _ in range(requests):
        body = app.app({**ENVIRON, "wsgi.input": io.BytesIO()}, start)
        b"".join(body)
    return (time.process_time() - started) / requests


def main() -> int:
    """Measures, and tells the differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=2000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = make_folder(Path(scratch, "model"), custom=DOUBLE)
        found: dict[str, list[float]] = {}
        for options in ({}, EVERYTHING):
            fastapi, flask = FastAPIApp(), FlaskApp()
            for app in (fastapi, flask):
                worker = stack.enter_context(LocalWorker())
                made = ServerOptions(code_dir=folder, **options)  # type: ignore[arg-type]  # as named
                runtime = stack.enter_context(DrumRuntime(made))
                CMRunner(runtime, app=app, worker_ctx=worker).run()
            rounds = range(asked.rounds)
            by_asgi = min(asgi_seconds(fastapi, asked.requests) for _ in rounds)
            by_wsgi = min(wsgi_seconds(flask, asked.requests) for _ in rounds)
            found.setdefault("FastAPI", []).append(by_asgi * 1e6)
            found.setdefault("Flask", []).append(by_wsgi * 1e6)
    for name, (bare, guarded) in found.items():
        sys.stdout.write(
            f"{name}: {bare:.0f} us with nothing set, {guarded:.0f} us with everything set, "
            f"{guarded - bare:.0f} us more\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
