"""What only a real connection shows: streams, cut uploads, overflow."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from drum_core.serving.admission import AdmissionLimits
from tests.web.live import Live, live, parse, receive_all, wait_until
from tests.web.live_app import BODY_LIMIT

CHUNKED = b"POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module", params=["uvicorn", "werkzeug", "gunicorn"])
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """One server for all tests of this module, of each kind."""
    with live(request.param, tmp_path_factory.mktemp("live")) as server:
        yield server


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def count(running: Live, line: str) -> int:
    """How often something was noted."""
    return running.notes.lines().count(line)


def test_server_is_not_named(running: Live) -> None:
    """No answer tells the version of the server or of Python."""
    with running.connect() as sock:
        sock.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head = receive_all(sock).partition(b"\r\n\r\n")[0].lower()
    assert b"python" not in head
    assert b"werkzeug" not in head
    assert b"server: uvicorn" not in head


def test_chunked_body_arrives(running: Live) -> None:
    """A body without a length is read to its end."""
    with running.connect() as sock:
        sock.sendall(CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        sock.sendall(chunk(b"a" * 1000) + chunk(b"b" * 234) + b"0\r\n\r\n")
        status, body = parse(receive_all(sock))
    assert (status, body) == (200, b"1234")


def test_chunked_body_over_the_limit(running: Live) -> None:
    """A chunked body is refused as soon as it is over the limit, without waiting for its end."""
    with running.connect() as sock:
        sock.sendall(CHUNKED)
        for _ in range(BODY_LIMIT // 10_000 + 1):
            sock.sendall(chunk(b"x" * 10_000))
        assert sock.recv(12) == b"HTTP/1.1 413"


def test_declared_body_over_the_limit(running: Live) -> None:
    """A client that sends far too much, and reads afterwards, sees the answer and no reset."""
    size = 20 * BODY_LIMIT
    with running.connect() as sock:
        head = f"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n"
        sock.sendall(head.encode() + b"x" * size)
        assert sock.recv(12) == b"HTTP/1.1 413"


def test_expect_continue_over_the_limit(running: Live) -> None:
    """A client that waits for 100 Continue gets the refusal."""
    with running.connect() as sock:
        head = "POST /size HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        sock.sendall(f"{head}Content-Length: {20 * BODY_LIMIT}\r\n\r\n".encode())
        seen = b""
        while b" 413 " not in seen:
            data = sock.recv(1000)
            assert data, seen
            seen += data


@pytest.mark.parametrize("chunked", [False, True])
def test_cut_upload_does_not_reach_the_handler(running: Live, chunked: bool) -> None:
    """A client that leaves in the middle of its body has no half request answered."""
    before = count(running, "size called")
    head = b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf"
    with running.connect() as sock:
        sock.sendall(CHUNKED + chunk(b"half") if chunked else head)
        time.sleep(0.2)
    time.sleep(0.5)
    assert running.ask("GET", "/ping") == (200, b"pong")
    assert count(running, "size called") == before


def test_stream_is_closed_when_the_client_leaves(running: Live) -> None:
    """Within a second, and once."""
    before = count(running, "stream closed")
    with running.connect() as sock:
        sock.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        seen = b""
        while b"tick 2" not in seen:
            seen += sock.recv(1000)
    left = time.monotonic()
    wait_until(lambda: count(running, "stream closed") > before, 5)
    assert time.monotonic() - left < 1
    time.sleep(0.2)
    assert count(running, "stream closed") == before + 1


def test_many_streams_at_once_leave_nothing_open(running: Live) -> None:
    """Clients that leave at any moment leave no stream that still runs."""
    before, opened = count(running, "stream closed"), 24

    def visit(seconds: float) -> None:
        with running.connect() as sock:
            sock.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
            sock.recv(100)
            time.sleep(seconds)

    threads = [threading.Thread(target=visit, args=(0.01 * n,)) for n in range(opened)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    wait_until(lambda: count(running, "stream closed") == before + opened, 5)


def test_broken_stream_is_cut(running: Live) -> None:
    """A chunk that cannot be made cuts the answer, so that the client does not take it whole."""
    before = count(running, "stream closed")
    seen = b""
    with running.connect() as sock:
        sock.sendall(b"GET /stream?broken=yes HTTP/1.1\r\nHost: x\r\n\r\n")
        with suppress(ConnectionResetError):
            while data := sock.recv(1000):
                seen += data
    body = seen.partition(b"\r\n\r\n")[2]
    assert b"tick 2" in body
    assert b"0\r\n\r\n" not in body
    wait_until(lambda: count(running, "stream closed") == before + 1, 5)


def test_handler_learns_that_the_client_has_left(running: Live) -> None:
    """`Request.disconnected` turns true while the handler runs."""
    before = count(running, "slow left alone")
    with running.connect() as sock:
        sock.sendall(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n10")
        time.sleep(0.3)
    wait_until(lambda: count(running, "slow left alone") == before + 1, 3)


def test_probe_passes_while_requests_wait(running: Live) -> None:
    """With as many requests waiting as may, a probe passes; the others are refused at once."""
    answers: list[int] = []
    refused = 8

    def visit() -> None:
        answers.append(running.ask("POST", "/queued", b"crowd")[0])

    accepted = 1 + AdmissionLimits().waiting
    clients = [threading.Thread(target=visit) for _ in range(accepted + refused)]
    for client in clients:
        client.start()
    try:
        wait_until(lambda: len(answers) == refused)
        assert running.ask("GET", "/ping") == (200, b"pong")
        assert answers == [503] * refused
    finally:
        running.notes.add("go crowd")
        for client in clients:
            client.join(15)
    assert answers[refused:] == [200] * accepted


def test_request_whose_client_has_left_the_queue_is_not_run(running: Live) -> None:
    """The model does not work for a client that left while its request waited."""
    first = threading.Thread(target=running.ask, args=("POST", "/queued", b"first"))
    first.start()
    wait_until(lambda: count(running, "first started") == 1)
    with running.connect() as sock:
        sock.sendall(b"POST /queued HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nleft")
        time.sleep(0.3)
    time.sleep(0.3)
    running.notes.add("go first")
    first.join(15)
    wait_until(lambda: "POST /queued answered 499" in running.log, 5)
    assert count(running, "left started") == 0


def test_head_has_no_body(running: Live) -> None:
    """HEAD answers with the fields alone."""
    with running.connect() as sock:
        sock.sendall(b"HEAD /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert receive_all(sock).endswith(b"\r\n\r\n")


def test_reader_that_stalls_does_not_keep_the_server(running: Live) -> None:
    """A client that never reads its stream and then leaves has it closed too."""
    before = count(running, "stream closed")
    with running.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        sock.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.5)
    wait_until(lambda: count(running, "stream closed") == before + 1, 5)
