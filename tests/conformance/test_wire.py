"""What only a socket shows: connections that are used again, half-sent requests, early ends."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse

import pytest

from drum_core.testing import Call, HttpClient, LiveServer, fetch, live_server
from drum_core.testing.webapp.suite import wait_until
from tests.conformance.test_live_servers import SERVERS


@pytest.fixture(scope="module", params=SERVERS)
def live(request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    """Each server in turn, with the routes of the suite."""
    with live_server(SERVERS[request.param]) as server:
        yield server


@pytest.fixture
def connection(live: LiveServer) -> Iterator[HTTPConnection]:
    """A connection that is kept, as clients do."""
    connection = HTTPConnection("127.0.0.1", live.port, timeout=10)
    yield connection
    connection.close()


def ask(connection: HTTPConnection, method: str, target: str, body: bytes = b"") -> HTTPResponse:
    """One request on the connection, its answer read to the end."""
    connection.request(method, target, body or None)
    response = connection.getresponse()
    response.read()
    return response


def path_seen(connection: HTTPConnection) -> object:
    """What the next request on the connection is taken for."""
    connection.request("GET", "/rest/next")
    response = connection.getresponse()
    assert response.status == 200
    return json.loads(response.read())["path"]


@pytest.mark.parametrize("target", ["/head", "/no/such", "/echo"])
def test_head_leaves_the_connection_clean(connection: HTTPConnection, target: str) -> None:
    """After a HEAD, whatever it was answered, the connection carries the next request."""
    ask(connection, "HEAD", target)
    assert path_seen(connection) == "/rest/next"


@pytest.mark.parametrize("status", [204, 304])
def test_empty_status_leaves_the_connection_clean(connection: HTTPConnection, status: int) -> None:
    """After an answer that has no body, the connection carries the next request."""
    assert ask(connection, "GET", f"/status/{status}").status == status
    assert path_seen(connection) == "/rest/next"


def test_body_that_was_not_read_is_not_the_next_request(connection: HTTPConnection) -> None:
    """What is left of a body over the limit is never taken for a request."""
    smuggled = b"GET /rest/smuggled HTTP/1.1\r\nHost: x\r\n\r\n" * 200
    assert ask(connection, "POST", "/limited", smuggled).status == 200
    assert path_seen(connection) == "/rest/next"


@pytest.mark.parametrize("target", ["/no/such", "/slashed/"])
def test_body_of_a_refused_request_is_not_the_next(connection: HTTPConnection, target: str) -> None:
    """The body of a request that is 404 or 405 is never taken for a request."""
    smuggled = b"GET /rest/smuggled HTTP/1.1\r\nHost: x\r\n\r\n" * 200
    assert ask(connection, "POST", target, smuggled).status in {404, 405}
    assert path_seen(connection) == "/rest/next"


def test_client_that_waits_for_100_is_told_to_go_on(live: LiveServer) -> None:
    """A client that expects 100 Continue gets it, and its body arrives."""
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", live.port), timeout=10) as sock:
        sock.sendall(head)
        assert sock.recv(4096).startswith(b"HTTP/1.1 100")
        sock.sendall(b"body")
        answer = HTTPResponse(sock)
        answer.begin()
        assert json.loads(answer.read())["size"] == 4


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"GET /echo HT",
        b"GET /echo HTTP/1.1\r\nHost: x\r\nX-Th",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nha",
        b"\x16\x03\x01 this is TLS",
    ],
    ids=["nothing", "line", "headers", "body", "chunk", "tls"],
)
def test_half_a_request_hurts_nobody(live: LiveServer, half: bytes) -> None:
    """While a client is in the middle of a request, and when it goes, others are answered."""
    with socket.create_connection(("127.0.0.1", live.port), timeout=10) as sock:
        sock.sendall(half)
        time.sleep(0.1)
        assert fetch(HttpClient(live.port), Call("GET", "/probe")).status == 200
    assert fetch(HttpClient(live.port), Call("GET", "/echo")).status == 200


def test_cut_chunked_body_reaches_no_handler(live: LiveServer) -> None:
    """A chunked body without its end is never handed over as if it were whole."""
    head = (
        b"POST /gate/chunk HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
    )
    with socket.create_connection(("127.0.0.1", live.port), timeout=10) as sock:
        sock.sendall(head)
        time.sleep(0.1)
    time.sleep(0.2)
    assert fetch(HttpClient(live.port), Call("GET", "/gate/chunk")).json()["open"] is False


def test_many_streams_left_leave_no_thread_behind(live: LiveServer) -> None:
    """Threads of streams whose clients have left come to an end."""
    client = HttpClient(live.port)

    def threads() -> int:
        found = fetch(client, Call("GET", "/assembled")).json()["threads"]
        assert isinstance(found, int)
        return found

    def closed() -> list[object]:
        return [
            fetch(client, Call("GET", f"/record/many{number}")).json()["closed"]
            for number in range(40)
        ]

    before = threads()
    for number in range(40):
        with client(Call("GET", f"/stream/endless/many{number}")) as answer:
            next(answer.chunks)
    # A pool keeps some of its threads, up to its size.
    assert wait_until(lambda: closed() == [1] * 40, seconds=2), closed()
    assert wait_until(lambda: threads() <= before + 32, seconds=2), (before, threads())
