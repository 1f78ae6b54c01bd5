"""One real model on every host: the answers are the same, byte by byte."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from drum_core import LocalWorker
from drum_core.testing import (
    Answer,
    AsgiClient,
    Call,
    Client,
    DictHost,
    HttpClient,
    WsgiClient,
    fetch,
    live_server,
)
from drum_web import FastAPIApp, FlaskApp
from tests.conformance.bottle_app import BottleApp
from tests.conformance.model_app import PREFIX, assemble
from tests.conformance.test_live_servers import SERVERS
from tests.model_folders import iris_rows

CSV = ("Content-Type", "text/csv")
GZIP = ("Content-Encoding", "gzip")
FORM = ("Content-Type", "multipart/form-data; boundary=b")
PART = '--b\r\nContent-Disposition: form-data; name="{}"; filename="x.csv"\r\n\r\n{}\r\n--b--\r\n'
STATUS_PATHS = ("", "/", "/ping", "/ping/", "/livez", "/readyz", "/startupz", "/health", "/health/")
ABOUT_PATHS = ("/info", "/info/", "/capabilities", "/capabilities/")
DOCS_PATHS = ("/openapi.json", "/openapi.json/", "/docs", "/docs/")
PREDICT_PATHS = ("/predict", "/predict/", "/predictions/", "/invocations")
NO_PATHS = ("/nothing", "/ping//", "//ping", "/predict/more", "/PING")

PATHS = STATUS_PATHS + ABOUT_PATHS + DOCS_PATHS

CALLS = [
    *(Call(method, path) for method in ("GET", "HEAD") for path in PATHS),
    *(Call("OPTIONS", path) for path in ("/ping", "/info/", "/predict/", "/nothing")),
    *(Call("POST", path, [CSV], iris_rows().encode()) for path in PREDICT_PATHS),
    *(Call(method, path) for method in ("GET", "DELETE") for path in (*PREDICT_PATHS, *NO_PATHS)),
    Call("POST", "/ping", [CSV], b"x"),
    *(Call(method, "/nim/v1/models") for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS")),
    *(Call("POST", path, [CSV], b"x") for path in ("/directAccess/v1/x", "/nim/", "/nim//x")),
    Call("PUT", "/predict/", [CSV], iris_rows().encode()),
    Call("POST", "/predict/?a=1&a=2", [CSV], iris_rows(1).encode()),
    Call("POST", "/predict/", [CSV], [line.encode() for line in iris_rows(30).splitlines(True)]),
    Call("POST", "/predict/", [], iris_rows().encode()),
    Call("POST", "/predict/", [FORM], PART.format("X", iris_rows()).encode()),
    Call("POST", "/predict/", [FORM], PART.format("Y", iris_rows()).encode()),
    Call("POST", "/predict/", [FORM], b"--c\r\nnot a form"),
    Call("POST", "/predict/", [("Content-Type", "multipart/form-data")], b"no boundary"),
    Call("POST", "/predict/", [("Content-Type", "application/json")], b"{}"),
    Call("POST", "/predict/", [("Content-Type", "nonsense")], b"{}"),
    Call("POST", "/predict/", [CSV, GZIP], gzip.compress(iris_rows().encode())),
    Call("POST", "/predict/", [CSV, GZIP], gzip.compress(iris_rows().encode())[:-9]),
    Call("POST", "/predict/", [CSV, GZIP], [gzip.compress(iris_rows().encode()), b"more"]),
    Call("POST", "/predict/", [CSV, ("Content-Encoding", "br")], iris_rows().encode()),
    Call("POST", "/predict/", [CSV], b""),
    Call("POST", "/predict/", [CSV], b"a,b\n1,2\n"),
    Call("POST", "/predict/", [CSV], b'a,b\n"1,2\n'),
    Call("POST", "/predict/", [CSV], b"caf\xe9\n1\n"),
]

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "date", "server"}
"""What belongs to a connection, or to a server, and not to the answer."""


@contextmanager
def dict_host() -> Iterator[Client]:
    """The reference."""
    host = DictHost()
    with LocalWorker() as worker:
        assemble(host, worker)
        yield host


@contextmanager
def flask_app() -> Iterator[Client]:
    """Flask, in this process."""
    host = FlaskApp()
    with LocalWorker() as worker:
        assemble(host, worker)
        yield WsgiClient(host.app)


@contextmanager
def fastapi_app() -> Iterator[Client]:
    """FastAPI, in this process."""
    host = FastAPIApp()
    with LocalWorker() as worker:
        assemble(host, worker)
        with AsgiClient(host.app) as client:
            yield client


@contextmanager
def bottle_app() -> Iterator[Client]:
    """Bottle, in this process."""
    host = BottleApp()
    with LocalWorker() as worker:
        assemble(host, worker)
        yield WsgiClient(host.app)


def live(name: str) -> Callable[[], AbstractContextManager[Client]]:
    """The server of that name, in a process of its own."""

    @contextmanager
    def host() -> Iterator[Client]:
        with live_server(SERVERS[name], assemble="tests.conformance.model_app:assemble") as server:
            yield HttpClient(server.port)

    return host


HOSTS: dict[str, Callable[[], AbstractContextManager[Client]]] = {
    "flask": flask_app,
    "fastapi": fastapi_app,
    "bottle": bottle_app,
    **{f"live {name}": live(name) for name in SERVERS},
}


def told(call: Call, answer: Answer) -> tuple[int, list[tuple[str, str]], object]:
    """What must be the same: status, header fields, body, but for the server's own name.

    Header names have no case on the wire, and uvicorn sends them in lower case.
    """
    fields = [(name.lower(), value) for name, value in answer.headers.multi_items()]
    fields = [pair for pair in fields if pair[0] not in HOP_BY_HOP]
    if "/info" in call.target and answer.status == 200:
        fields = [pair for pair in fields if pair[0] != "content-length"]  # the name's
    if b'"codeDir"' in answer.body:
        info = {**json.loads(answer.body), "codeDir": "", "drumServer": ""}
        return answer.status, sorted(fields), info
    return answer.status, sorted(fields), answer.body


def answers(client: Client) -> list[Answer]:
    """Every call, answered by a model that is ready."""
    until = time.monotonic() + 30
    while fetch(client, Call("GET", f"{PREFIX}/readyz")).status != 200:
        assert time.monotonic() < until, "the model is not ready"
        time.sleep(0.05)
    same_id = ("X-Request-ID", "r-1")
    return [
        fetch(client, Call(call.method, PREFIX + call.target, [*call.headers, same_id], call.body))
        for call in CALLS
    ]


@pytest.fixture(scope="module")
def reference() -> list[Answer]:
    """What the host without a framework answers."""
    with dict_host() as client:
        return answers(client)


def test_reference_predicts(reference: list[Answer]) -> None:
    """The answers that are compared are real ones: predictions, refusals, nothing there."""
    statuses = {answer.status for answer in reference}
    assert statuses >= {200, 404, 405, 422}
    assert sum(b"setosa" in answer.body for answer in reference) >= 7


@pytest.mark.parametrize("name", HOSTS)
def test_answers_are_the_same(name: str, reference: list[Answer]) -> None:
    """Status, header fields and bytes are those of the reference, for each call."""
    with HOSTS[name]() as client:
        found = answers(client)
    for call, answer, expected in zip(CALLS, found, reference, strict=True):
        assert told(call, answer) == told(call, expected), (
            f"{call.method} {call.target} {call.body[:40]!r}"
        )
