"""A pool of connections to one HTTP server, which nothing can lead anywhere else.

Made of `http.client`, which follows no redirect, knows no proxy of the environment, unpacks
nothing and adds no field of its own: what a proxy needs is that bytes come through as they are.
"""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from drum_core.upstream.errors import UpstreamBrokenError, UpstreamError
from drum_core.upstream.watch import Watch

__all__ = ["Upstream", "UpstreamAnswer"]

_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_CHUNK: Final = 64 * 1024
_CONNECT_SECONDS: Final = 10.0

Fields = Sequence[tuple[str, str]]


class Upstream:
    """The server at `host` and `port`, over plain HTTP; safe to use from any thread.

    Keeps up to `idle` connections that nobody uses. `close` ends those, and every exchange that is
    still going on.
    """

    def __init__(self, host: str, port: int, *, idle: int = 32) -> None:
        self.host: str = host
        self.port: int = port
        self._idle: deque[http.client.HTTPConnection] = deque(maxlen=idle)
        self._lock = threading.Lock()
        self._watch = Watch()

    @property
    def address(self) -> str:
        """`host:port`, as in the header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def ask(
        self,
        method: str,
        target: str,
        *,
        fields: Fields = (),
        body: bytes = b"",
        timeout: float | None = None,
        gone: Callable[[], bool] = lambda: False,
    ) -> UpstreamAnswer:
        """Sends a request, and waits for the head of the answer.

        `target` is a path with its query, percent-encoded. `timeout` bounds, in seconds, each wait
        for a byte. `gone` is asked while it waits: when nobody wants the answer any more, the
        connection is cut. Close what comes. Raises `UpstreamError`.
        """
        if not target.startswith("/") or target.startswith("//"):
            raise ValueError(f"a target is a path on the upstream; got {target!r}")
        while True:
            connection, is_new = self._connection(timeout)
            watched = self._watch.begin(connection.sock, gone)
            try:
                _send(connection, self.address, method, target, fields, body)
                response = connection.getresponse()
            except TimeoutError as error:
                self._drop(connection, watched)
                raise UpstreamError(self.address, f"said nothing for {timeout:g} s") from error
            except (OSError, http.client.HTTPException) as error:
                self._drop(connection, watched)
                # An idle connection may have been closed as we took it. What is not idempotent
                # may have been done all the same (RFC 9110, section 9.2.2).
                again = not is_new and method in _IDEMPOTENT and not gone()
                if again and isinstance(error, ConnectionError):
                    continue
                raise UpstreamError(self.address, f"gave no answer: {error!r}") from error
            except BaseException:
                self._drop(connection, watched)
                raise
            return UpstreamAnswer(self, connection, response, watched)

    def close(self) -> None:
        """Ends all connections; safe to call again."""
        self._watch.close()
        with self._lock:
            idle, self._idle = list(self._idle), deque(maxlen=self._idle.maxlen)
        for connection in idle:
            connection.close()

    def _connection(self, timeout: float | None) -> tuple[http.client.HTTPConnection, bool]:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                break
            if connection.sock is not None and not _is_readable(connection.sock):
                connection.sock.settimeout(timeout)
                return connection, False
            connection.close()  # it has been closed at the other end
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_CONNECT_SECONDS)
        try:
            connection.connect()
        except OSError as error:
            raise UpstreamError(self.address, f"cannot be reached: {error}") from error
        connection.sock.settimeout(timeout)
        return connection, True

    def _give_back(self, connection: http.client.HTTPConnection, watched: object) -> None:
        self._watch.end(watched)
        with self._lock:
            full = len(self._idle) == self._idle.maxlen
            if not full and not self._watch.closed:
                self._idle.append(connection)
                return
        connection.close()

    def _drop(self, connection: http.client.HTTPConnection, watched: object) -> None:
        self._watch.end(watched)
        connection.close()


class UpstreamAnswer:
    """The head of an answer, and its body as it comes. Used in one thread; close it."""

    def __init__(
        self,
        upstream: Upstream,
        connection: http.client.HTTPConnection,
        response: http.client.HTTPResponse,
        watched: object,
    ) -> None:
        self.status: int = response.status
        self.fields: Fields = response.getheaders()
        self._upstream = upstream
        self._connection = connection
        self._response = response
        self._watched = watched
        self._whole = False
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        """Each piece as soon as it is there. Raises `UpstreamBrokenError`."""
        address = self._upstream.address
        try:
            while chunk := self._response.read1(_CHUNK):
                yield chunk
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise UpstreamBrokenError(address, f"broke its answer off: {error!r}") from error
        if self._response.length:
            missing = self._response.length
            raise UpstreamBrokenError(address, f"ended its answer {missing} bytes too early")
        self._whole = True

    def read(self) -> bytes:
        """The whole body; closes it. Raises `UpstreamBrokenError`."""
        try:
            return b"".join(self)
        finally:
            self.close()

    def close(self) -> None:
        """Gives the connection back when all has been read, else ends it; safe to call again."""
        if self._closed:
            return
        self._closed = True
        if self._whole and not self._response.will_close:
            self._response.close()
            self._upstream._give_back(self._connection, self._watched)
        else:
            self._response.close()
            self._upstream._drop(self._connection, self._watched)


def _send(
    connection: http.client.HTTPConnection,
    host: str,
    method: str,
    target: str,
    fields: Fields,
    body: bytes,
) -> None:
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", host)
    for name, value in fields:
        connection.putheader(name, value.encode("utf-8", "surrogateescape"))
    if body or method in ("POST", "PUT", "PATCH"):
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body or None)


def _is_readable(sock: socket.socket) -> bool:
    """Whether an idle connection has something to say, which can only be its end."""
    with contextlib.suppress(OSError, ValueError):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return True
