"""A client for a live server: HTTP/1.1 over a socket, one connection for each call."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from drum_core.messages import Headers
from drum_core.testing.exchange import BrokenAnswerError, Call, OpenAnswer

__all__ = ["HttpClient"]


class HttpClient:
    """Calls the server at `host` and `port`."""

    def __init__(self, port: int, *, host: str = "127.0.0.1") -> None:
        self._host = host
        self.port: int = port

    @contextmanager
    def __call__(self, call: Call) -> Iterator[OpenAnswer]:
        """Sends `call`; leaving the block closes the connection, whatever is still to come."""
        connection = http.client.HTTPConnection(self._host, self.port, timeout=call.patience)
        try:
            _send(connection, call)
            with _broken_when_cut():
                response = connection.getresponse()
            try:
                headers = Headers(response.getheaders())
                yield OpenAnswer(response.status, headers, _chunks(response))
            finally:
                response.close()  # it holds the socket too
        finally:
            connection.close()


def _send(connection: http.client.HTTPConnection, call: Call) -> None:
    own = any(name.lower() == "host" for name, _ in call.headers)
    connection.putrequest(call.method, call.target, skip_host=own, skip_accept_encoding=True)
    for name, value in call.wire_headers():
        connection.putheader(name, value.encode("latin-1"))
    chunked = not isinstance(call.body, bytes)
    # A server that has seen enough may answer and hang up while the body is being sent.
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.endheaders()
        for chunk in call.chunks():
            connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
        if chunked:
            connection.send(b"0\r\n\r\n")
        if call.is_cut():
            connection.sock.shutdown(socket.SHUT_WR)


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    announced = response.length
    taken = 0
    while True:
        with _broken_when_cut():
            chunk = response.read1(64 * 1024)
        if not chunk:
            break
        taken += len(chunk)
        yield chunk
    if announced is not None and taken < announced:
        raise BrokenAnswerError(f"{taken} of {announced} bytes came")


@contextmanager
def _broken_when_cut() -> Iterator[None]:
    try:
        yield
    except (http.client.HTTPException, OSError) as exc:
        raise BrokenAnswerError(f"the connection ended too early: {exc!r}") from exc
