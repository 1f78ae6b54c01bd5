"""Flask on werkzeug's development server, one thread a request."""

from __future__ import annotations

import io
import logging
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from http import HTTPStatus
from types import FrameType
from typing import Final

from typing_extensions import Buffer, override
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from drum_core.options.server import ServerSettings
from drum_core.protocols import Assemble
from drum_core.scoreboard import Place
from drum_web.flask_app import FlaskApp
from drum_web.gunicorn_worker import WorkerCtx
from drum_web.servers.listening import announce, refuse_new
from drum_web.servers.refusals import refusal
from drum_web.servers.signals import handled
from drum_web.servers.supervisor import serve_in_processes
from drum_web.servers.tls import tls_context

__all__ = ["run_worker", "serve"]

_logger = logging.getLogger("drum.server")

LOOK_SECONDS: Final = 0.05
SETTLE_SECONDS: Final = 0.2
"""After the last accept: a connection just taken becomes a request."""


def serve(settings: ServerSettings, assemble: Assemble) -> int:
    """Serves until SIGTERM or SIGINT, then drains; 0, or 1 when the model cannot load.

    Raises `ServerError` when it cannot listen.
    """
    return serve_in_processes(run_worker, settings, assemble)


def run_worker(
    settings: ServerSettings, assemble: Assemble, sock: socket.socket, place: Place
) -> int:
    """Serves on `sock` in this process; what `serve` says."""
    ending = _Ending()
    worker = WorkerCtx(on_fail=ending.fail, place=place)
    app = FlaskApp()
    worker.app = app.app
    with handled(ending.stop), tls_context(settings) as context:
        try:
            assemble(app, worker)
            if not place.supervised:
                announce(sock, secure=settings.tls is not None)
            server = _Server(sock, app, context)
            worker.start()
            ending.wait_while(place.leaves_requests_to_others)
            server.start()
            ending.wait()
            worker.stop()
            server.closing = True
            if not place.supervised:
                refuse_new(sock)
            server.drain(settings.graceful_timeout, sock)
        finally:
            worker.cleanup()
    return 1 if ending.failed else 0


class _Ending:
    """Why and when the worker ends."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self.failed = False

    def stop(self, number: int, frame: FrameType | None) -> None:
        """A signal handler."""
        self._asked.set()

    def fail(self, error: BaseException) -> None:
        """Ends the server because its worker can never work; from any thread."""
        if not self._asked.is_set():
            _logger.error("Stopping: the worker cannot serve its model (%s)", type(error).__name__)
            self.failed = True
            self._asked.set()

    def wait_while(self, true: Callable[[], bool]) -> None:
        """Waits while something is true, or until the worker is asked to end."""
        while true() and not self._asked.wait(LOOK_SECONDS):
            pass

    def wait(self) -> None:
        # With a timeout, since a wait without one is deaf to signals on some systems.
        while not self._asked.wait(1.0):
            pass


class _Server(ThreadedWSGIServer):
    """A server on a socket that other processes may accept from as well."""

    def __init__(self, sock: socket.socket, app: FlaskApp, context: ssl.SSLContext | None) -> None:
        host, port = sock.getsockname()[:2]
        self.closing = False
        self._busy = 0
        self._change = threading.Condition()
        super().__init__(host, port, app.app, handler=_Handler, fd=sock.fileno())
        # Not given to the base class, which would wrap the socket that listens, and with it wait
        # for each handshake in the thread that accepts.
        self.ssl_context = context
        # Another worker may take the connection that select has announced.
        self.socket.setblocking(False)
        self._loop = threading.Thread(target=self.serve_forever, args=(0.1,), name="drum-accept")
        self._loop.daemon = True

    def start(self) -> None:
        """Accepts, in a thread, so that the main thread is free for signals."""
        self._loop.start()

    def drain(self, seconds: float, listening: socket.socket) -> None:
        """Accepts no more, closes the socket, and waits for the requests that run."""
        self.shutdown()
        listening.close()
        time.sleep(SETTLE_SECONDS)
        with self._change:
            if not self._change.wait_for(lambda: self._busy == 0, seconds):
                _logger.error("%d requests did not end in %s s", self._busy, seconds)
        self.server_close()

    @override
    def server_close(self) -> None:
        """Takes first what waits to be accepted."""
        while (
            self.closing
            and self.socket.fileno() >= 0
            and select.select([self.socket], [], [], 0)[0]
        ):
            self.handle_request()
        super().server_close()

    @override
    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = self.socket.accept()
        connection.setblocking(True)
        if self.ssl_context is not None:
            connection = self.ssl_context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    @contextmanager
    def request(self) -> Iterator[None]:
        """The time in which a request is read and answered."""
        with self._change:
            self._busy += 1
        try:
            yield
        finally:
            with self._change:
                self._busy -= 1
                self._change.notify_all()

    @override
    def log(self, type: str, message: str, *args: object) -> None:
        _logger.log(logging.ERROR if type == "error" else logging.DEBUG, message.rstrip(), *args)


class _Incoming(io.RawIOBase):
    """What a client sends. After a read has timed out there is no more, which is no error."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._late = False

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        if self._late:
            return 0
        try:
            return self._connection.recv_into(memoryview(buffer))
        except TimeoutError:
            self._late = True
            raise


class _Handler(WSGIRequestHandler):
    """Counts its requests, and tells nothing of the versions that answer them."""

    protocol_version = "HTTP/1.1"

    @override
    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(_Incoming(self.connection))

    @override
    def handle(self) -> None:
        if isinstance(self.connection, ssl.SSLSocket):
            try:
                self.connection.do_handshake()
            except OSError as error:  # a probe of a port, a client with other ideas of TLS
                self.log("info", "no handshake: %s", error)
                return
        super().handle()

    @override
    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        self.close_connection = True
        self.wfile.write(refusal(code, f"{HTTPStatus(code).phrase.lower()}."))

    @override
    def run_wsgi(self) -> None:
        with self._busy():
            super().run_wsgi()

    @override
    def send_header(self, keyword: str, value: str) -> None:
        if keyword != "Server":
            super().send_header(keyword, value)

    @override
    def end_headers(self) -> None:
        if isinstance(self.server, _Server) and self.server.closing:
            super().send_header("Connection", "close")
        super().end_headers()

    @override
    def log(self, type: str, message: str, *args: object) -> None:
        self.server.log(type, message, *args)

    def _busy(self) -> AbstractContextManager[None]:
        return self.server.request() if isinstance(self.server, _Server) else nullcontext()
