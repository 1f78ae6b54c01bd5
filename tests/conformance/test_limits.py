"""Limits of time, number and size: each host answers alike, and holds nothing afterwards."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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
    fetch,
    live_server,
)
from drum_web import FastAPIApp
from tests.conformance.limited_app import BODY_LIMIT, SPOOL_SIZE, assemble
from tests.conformance.test_live_servers import SERVERS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts files in /proc")

ASK = "/predictUnstructured/"
TEXT = ("Content-Type", "text/plain")
JSON = ("Content-Type", "application/json")
BYTES = ("Content-Type", "application/octet-stream")
FIELD = (
    b'--b\r\nContent-Disposition: form-data; name="X"\r\n\r\n'
    + b"x" * BODY_LIMIT
    + b"\r\n--b--\r\n"
)


@contextmanager
def dict_host() -> Iterator[Client]:
    """The reference."""
    host = DictHost()
    with LocalWorker() as worker:
        assemble(host, worker)
        yield host


@contextmanager
def fastapi_app() -> Iterator[Client]:
    """FastAPI, in this process."""
    host = FastAPIApp()
    with LocalWorker() as worker:
        assemble(host, worker)
        with AsgiClient(host.app) as client:
            yield client


def live(name: str) -> Callable[[], AbstractContextManager[Client]]:
    """The server of that name, in a process of its own."""

    @contextmanager
    def host() -> Iterator[Client]:
        where = "tests.conformance.limited_app:assemble"
        with live_server(SERVERS[name], assemble=where) as server:
            yield HttpClient(server.port)

    return host


HOSTS: dict[str, Callable[[], AbstractContextManager[Client]]] = {
    "dict": dict_host,
    "fastapi": fastapi_app,
    **{f"live {name}": live(name) for name in SERVERS},
}


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest) -> Iterator[Client]:
    """Each host, once for all tests, with the model loaded."""
    with HOSTS[request.param]() as client:
        until = time.monotonic() + 20
        while fetch(client, Call("GET", "/readyz")).status != 200:
            assert time.monotonic() < until, "the model did not load"
            time.sleep(0.05)
        yield client


def ask(host: Client, text: str, *headers: tuple[str, str]) -> Answer:
    """Says `text` to the model."""
    return fetch(host, Call("POST", ASK, [TEXT, *headers], text.encode()))


def chat_call(text: str, *headers: tuple[str, str]) -> Call:
    """A chat request for a stream."""
    body = json.dumps({"messages": [{"role": "user", "content": text}], "stream": True})
    return Call("POST", "/v1/chat/completions", [JSON, *headers], body.encode())


def message(answer: Answer) -> str:
    """What an error says."""
    said = answer.json()["message"]
    assert isinstance(said, str)
    return said


def rest(host: Client, seconds: float = 6.0) -> None:
    """Waits until the model is free again."""
    until = time.monotonic() + seconds
    while ask(host, "anything").status != 200:
        assert time.monotonic() < until, "the slot was not given back"
        time.sleep(0.05)


def holds(host: Client) -> dict[str, int]:
    """What the process holds open while it answers this."""
    return json.loads(ask(host, "holds").body)  # type: ignore[no-any-return]  # a hook's JSON


@pytest.fixture
def clean(host: Client) -> Iterator[None]:
    """Open files and temporary files are as many after the test as before."""
    before = min((holds(host) for _ in range(3)), key=lambda held: held["files"])
    yield
    rest(host)
    until = time.monotonic() + 5
    while (after := holds(host))["files"] > before["files"] or after["spooled"]:
        assert time.monotonic() < until, (before, after)
        time.sleep(0.1)


@pytest.mark.usefixtures("clean")
def test_prediction_that_takes_too_long(host: Client) -> None:
    """504 with the seconds while the thread runs on; unready meanwhile, ready when it has ended."""
    began = time.monotonic()
    answer = ask(host, "sleep 2.5")
    assert answer.status == 504
    assert " 2 s" in message(answer)
    assert time.monotonic() - began < 2.5
    ready = fetch(host, Call("GET", "/readyz"))
    assert (ready.status, "runs on" in message(ready)) == (503, True)
    assert fetch(host, Call("GET", "/livez")).status == 200
    rest(host)
    assert fetch(host, Call("GET", "/readyz")).status == 200


@pytest.mark.usefixtures("clean")
def test_deadline_of_the_client(host: Client) -> None:
    """X-Request-Timeout is heeded, below the server's own limit, and makes nothing unready."""
    answer = ask(host, "sleep 0.6", ("X-Request-Timeout", "0.2"))
    assert (answer.status, "0.2 s" in message(answer)) == (504, True)
    assert fetch(host, Call("GET", "/readyz")).status == 200
    assert ask(host, "sleep 0", ("X-Request-Timeout", "99999")).status == 200
    assert ask(host, "sleep 0", ("X-Request-Timeout", "soon")).status == 400


@pytest.mark.usefixtures("clean")
def test_more_than_may_wait(host: Client) -> None:
    """One runs, two wait, at most a second; the rest is 503 at once, and told when to return."""
    with ThreadPoolExecutor(6) as pool:
        running = pool.submit(ask, host, "sleep 1.9")
        time.sleep(0.6)
        waiting = [pool.submit(ask, host, "sleep 0") for _ in range(2)]
        time.sleep(0.4)
        began = time.monotonic()
        refused = ask(host, "sleep 0")
        assert time.monotonic() - began < 0.5
        assert refused.status == 503
        assert 1 <= int(refused.headers["Retry-After"]) <= 300
        assert [future.result(10).status for future in waiting] == [503, 503]
        assert running.result(10).status == 200


@pytest.mark.usefixtures("clean")
def test_more_bytes_than_may_be_held(host: Client) -> None:
    """503 at once, with the time to come again, although more requests might wait."""
    with ThreadPoolExecutor(2) as pool:
        large = [pool.submit(ask, host, "sleep 0.6".ljust(180_000)) for _ in range(2)]
        time.sleep(0.3)
        refused = ask(host, "sleep 0".ljust(180_000))
        assert (refused.status, "--max-bodies-size" in message(refused)) == (503, True)
        assert 1 <= int(refused.headers["Retry-After"]) <= 300
        assert ask(host, "x").status == 200
        assert [future.result(10).status for future in large] == [200, 200]


@pytest.mark.usefixtures("clean")
def test_jobs_run_in_one_thread(host: Client) -> None:
    """One at a time, so all in the same thread: what a model keeps there, it finds again."""
    with ThreadPoolExecutor(3) as pool:
        names = {answer.body for answer in pool.map(lambda _: ask(host, "thread"), range(9))}
    assert len(names) == 1


@pytest.mark.usefixtures("clean")
def test_stream_that_begins_too_late(host: Client) -> None:
    """504 where no chunk has come: the status has not been sent."""
    answer = fetch(host, chat_call("late"))
    assert (answer.status, " 2 s" in message(answer)) == (504, True)


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize(("what", "seconds"), [("stalls", " 1 s"), ("long", " 2 s")])
def test_stream_that_does_not_go_on_or_end(host: Client, what: str, seconds: str) -> None:
    """Its last event says why, and no DONE follows."""
    with host(chat_call(what)) as answer:
        assert answer.status == 200
        events = b"".join(answer.chunks).decode().split("\n\n")
    assert "first" in events[0]
    error = json.loads(events[-2].removeprefix("data: "))
    assert error["error"]["code"] == "deadline_exceeded"
    assert seconds in error["message"]


@pytest.mark.usefixtures("clean")
def test_client_that_leaves_a_stream(host: Client) -> None:
    """The slot of a stream is free again soon after its client has left."""
    with host(chat_call("long")) as answer:
        assert next(answer.chunks)
    began = time.monotonic()
    rest(host)
    assert time.monotonic() - began < 2.5


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"x" * (BODY_LIMIT + 1), BYTES),
        ([b"x" * 50_000] * 5, BYTES),
        (FIELD, ("Content-Type", "multipart/form-data; boundary=b")),
        ([FIELD[:100_000], FIELD[100_000:]], ("Content-Type", "multipart/form-data; boundary=b")),
    ],
    ids=["declared", "chunked", "form field", "chunked form field"],
)
def test_body_over_the_limit(
    host: Client, body: bytes | list[bytes], kind: tuple[str, str]
) -> None:
    """413 with the limit, the same for every kind of body."""
    answer = fetch(host, Call("POST", ASK, [kind], body))
    assert (answer.status, str(BODY_LIMIT) in message(answer)) == (413, True)


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("size", [SPOOL_SIZE, SPOOL_SIZE + 1, BODY_LIMIT])
def test_spooled_body_is_whole(host: Client, size: int) -> None:
    """A body that goes to a file is the same to the model, and its file is gone at the end."""
    assert fetch(host, Call("POST", ASK, [BYTES], b"x" * size)).body == str(size).encode()


@pytest.mark.usefixtures("clean")
def test_spooled_body_of_a_job_that_runs_on(host: Client) -> None:
    """Its file is closed when the job has ended, long after the answer."""
    text = "sleep 0.8".ljust(50_000)
    assert ask(host, text, ("X-Request-Timeout", "0.3")).status == 504


@pytest.fixture
def port(host: Client) -> int:
    """The port of a live server."""
    if not isinstance(host, HttpClient):
        pytest.skip("no socket, so no body is slow")
    return host.port


def trickle(port: int, head: str, pieces: list[bytes], gap: float) -> bytes:
    """Sends a body piece by piece until it is answered; the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(f"POST {ASK} HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
        stop = threading.Event()

        def send() -> None:
            for piece in pieces:
                if stop.wait(gap):
                    return
                try:
                    sock.sendall(piece)
                except OSError:
                    return

        sender = threading.Thread(target=send)
        sender.start()
        got = b""
        try:
            while piece := sock.recv(65536):
                got += piece
        except ConnectionResetError:
            pass
        finally:
            stop.set()
            sender.join(10)
        return got


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize(
    ("head", "first"),
    [
        ("Content-Length: 100000", b"x" * 20_000),
        ("Transfer-Encoding: chunked", b"3\r\nxxx\r\n"),
    ],
    ids=["spooled", "chunked"],
)
def test_body_that_stands_still(port: int, head: str, first: bytes) -> None:
    """408 after the idle time, and the connection ends."""
    began = time.monotonic()
    answer = trickle(port, head, [first], 0.05)
    assert answer.startswith(b"HTTP/1.1 408 "), answer
    assert b"--body-idle-timeout" in answer
    assert time.monotonic() - began < 5


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("chunked", [False, True])
def test_body_that_trickles(port: int, chunked: bool) -> None:
    """408 after the time for a whole body, although something comes all the time."""
    head = "Transfer-Encoding: chunked" if chunked else "Content-Length: 1000"
    piece = b"1\r\nx\r\n" if chunked else b"x"
    answer = trickle(port, head, [piece] * 60, 0.1)
    assert answer.startswith(b"HTTP/1.1 408 "), answer
    assert b"--body-timeout" in answer


@pytest.mark.usefixtures("clean")
def test_client_that_leaves_in_its_body(port: int) -> None:
    """Nothing of a body that was cut short is kept."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        head = f"POST {ASK} HTTP/1.1\r\nHost: x\r\nContent-Length: 150000\r\n\r\n"
        sock.sendall(head.encode() + b"x" * 50_000)
        time.sleep(0.2)
