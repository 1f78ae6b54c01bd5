"""A hand-made application for servers in processes of their own; it writes down what happens."""

from __future__ import annotations

import functools
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from drum_core.errors import ExtensionError, ServerError
from drum_core.messages import BodyRules, Headers, Request, Response, Route, RoutePolicy
from drum_core.options.server import ServerSettings
from drum_core.protocols import Serve, WebApp, WorkerContext
from drum_core.registry import load_server
from drum_core.serving.answers import bytes_response
from drum_core.serving.dispatch import Dispatcher
from drum_core.serving.endpoint import Endpoint

BODY_LIMIT = 100_000


class Notes:
    """A file to which every process adds lines."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "notes"

    def add(self, text: str) -> None:
        """Adds a line, at once."""
        with self._path.open("a") as file:
            file.write(f"{text}\n")

    def lines(self) -> list[str]:
        """All lines so far."""
        return self._path.read_text().splitlines() if self._path.exists() else []


class Ticks:
    """A chunk every 20 ms until it is closed, or, with `broken`, until the third fails."""

    def __init__(self, notes: Notes, *, broken: bool) -> None:
        self._notes = notes
        self._broken = broken

    def __iter__(self) -> Iterator[bytes]:
        for number in range(1500):
            if self._broken and number == 3:
                raise RuntimeError("this chunk cannot be made")
            yield f"tick {number}\n".encode()
            time.sleep(0.02)

    def close(self) -> None:
        """Writes it down."""
        self._notes.add("stream closed")


def routes(notes: Notes) -> list[Route]:
    """What the tests call."""

    def text(answer: str) -> Response:
        return bytes_response(answer.encode(), "text/plain")

    def ping(request: Request) -> Response:
        return text("pong")

    def pid(request: Request) -> Response:
        return text(str(os.getpid()))

    def slow(request: Request) -> Response:
        notes.add("slow started")
        until = time.monotonic() + float(request.body.read())
        while time.monotonic() < until:
            time.sleep(0.02)
            if request.disconnected():
                notes.add("slow left alone")
                break
        return text("done")

    def crash(request: Request) -> Response:
        os._exit(9)

    def size(request: Request) -> Response:
        notes.add("size called")
        status = 413 if request.body.refusal else 200
        return bytes_response(str(request.body.size).encode(), "text/plain", status=status)

    def stream(request: Request) -> Response:
        broken = request.query.get("broken") == "yes"
        head = Headers([("Content-Type", "text/plain")])
        return Response(headers=head, body=Ticks(notes, broken=broken))

    predict, probe = RoutePolicy.PREDICT, RoutePolicy.PROBE
    return [
        Route(path="/ping", methods=("GET", "HEAD"), handler=ping, name="ping", policy=probe),
        Route(path="/pid", methods=("GET",), handler=pid, name="pid", policy=probe),
        Route(path="/slow", methods=("POST",), handler=slow, name="slow", policy=predict),
        Route(path="/crash", methods=("POST",), handler=crash, name="crash", policy=predict),
        Route(
            path="/size",
            methods=("POST",),
            handler=size,
            name="size",
            policy=predict,
            bodies=BodyRules(limit=BODY_LIMIT),
        ),
        Route(
            path="/stream",
            methods=("GET",),
            handler=stream,
            name="stream",
            policy=RoutePolicy.STREAM,
        ),
    ]


def queued_routes(notes: Notes) -> list[Route]:
    """What waits for a slot, and then until the notes say go to what its body names."""

    def queued(request: Request) -> Response:
        name = request.body.read().decode()
        notes.add(f"{name} started")
        until = time.monotonic() + 30
        while f"go {name}" not in notes.lines() and time.monotonic() < until:
            time.sleep(0.02)
        return bytes_response(b"done", "text/plain")

    endpoint = Endpoint(
        name="queued",
        paths=("/queued",),
        answer=queued,
        policy=RoutePolicy.PREDICT,
        method="POST",
    )
    return Dispatcher(bodies=BodyRules(limit=BODY_LIMIT)).routes([endpoint])


def assemble(folder: str, mode: str, app: WebApp, worker: WorkerContext) -> None:
    """Mounts the routes; `mode` says how the worker is to behave."""
    notes = Notes(Path(folder))
    app.add_routes([*routes(notes), *queued_routes(notes)])
    worker.defer_stop(lambda: notes.add("stop"))
    worker.defer_cleanup(lambda: notes.add("cleanup"))
    notes.add(f"assembled {os.getpid()}")
    if mode == "refuse":
        raise ExtensionError("this folder is refused")
    if mode == "die":
        os._exit(11)
    if mode == "fail":
        worker.add_thread(threading.Thread(target=_fail, args=(worker,)), name="load")
    if mode == "load":
        worker.add_thread(threading.Thread(target=time.sleep, args=(60,)), name="load")


def _fail(worker: WorkerContext) -> None:
    time.sleep(0.1)
    worker.fail(RuntimeError("no such artifact"))


def main(server: str, folder: str, mode: str, workers: str, port: str, grace: str) -> int:
    """What the process of a server runs; an error of ours is one line and status 1."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    serve = cast(Serve, load_server(server))
    settings = ServerSettings(
        host="127.0.0.1", port=int(port), workers=int(workers), graceful_timeout=int(grace)
    )
    try:
        return serve(settings, functools.partial(assemble, folder, mode))
    except (ServerError, ExtensionError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
