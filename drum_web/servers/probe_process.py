"""The process that answers probes for a server, from the scoreboard alone.

It has an interpreter of its own, so nothing that a model does can hold it up. It imports little,
and is small; it has no model, no options and no secrets.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Final
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from drum_core.messages import Headers
from drum_core.scoreboard import Scoreboard
from drum_core.security.headers import SECURITY_HEADERS
from drum_core.serving.request_id import REQUEST_ID_HEADERS, request_id_of
from drum_core.version import __version__
from drum_web.servers.probe_answers import PROBES, probe_answer

__all__ = ["main"]

_LOOK_SECONDS: Final = 0.5
"""How often it looks whether its server is still there."""
_CLIENT_SECONDS: Final = 5.0
"""How long a client may be silent."""
_MOST_CLIENTS: Final = 100
"""At a time; one more is not answered."""


def main(words: Sequence[str]) -> None:
    """Answers until its parent has ended, however that ends.

    `words` are numbers: the descriptor of a socket that listens, that of the scoreboard, its
    slots, the seconds after which a silent worker hangs, and the process id of the parent.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # a group gets them; the server goes last
        signal.signal(number, signal.SIG_IGN)
    listening, board, slots, hang_seconds, parent = map(int, words)
    server = _Server(listening, Scoreboard.attach(board, slots), hang_seconds, parent)
    server.serve_forever(_LOOK_SECONDS)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(
        self, descriptor: int, scoreboard: Scoreboard, hang_seconds: int, parent: int
    ) -> None:
        listening = socket.socket(fileno=descriptor)
        super().__init__(listening.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.scoreboard = scoreboard
        self.hang_seconds = hang_seconds
        self._parent = parent
        self._places = threading.Semaphore(_MOST_CLIENTS)

    @override
    def service_actions(self) -> None:
        if os.getppid() != self._parent:
            os._exit(0)

    @override
    def verify_request(self, request: object, client_address: object) -> bool:
        return self._places.acquire(blocking=False)

    @override
    def process_request_thread(self, request: object, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type] # typeshed names its own classes of sockets and addresses
        finally:
            self._places.release()

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves is none; anything else is told, and ends its connection only."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type] # as above


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout: ClassVar[float | None] = _CLIENT_SECONDS
    server: _Server  # type: ignore[mutable-override] # no other server makes this handler

    def do_GET(self) -> None:
        """Every probe is a GET."""
        target = urlsplit(self.path)
        path = target.path.rstrip("/") or "/"
        if path not in PROBES:
            self._answer(404, {"message": "ERROR: only probes are answered here."})
            return
        verbose = "verbose" in parse_qs(target.query, keep_blank_values=True)
        status, content = probe_answer(
            path,
            self.server.scoreboard.records(),
            now=time.monotonic(),
            hang_seconds=self.server.hang_seconds,
            verbose=verbose,
        )
        self._answer(status, content)

    do_HEAD = do_GET

    @override
    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is no GET, and what is no HTTP; its body, if it has one, is not read."""
        self.close_connection = True
        self.request_version = self.protocol_version  # of what is no HTTP it is that of 1991
        status = HTTPStatus.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else code
        text = f"ERROR: {HTTPStatus(status).phrase.lower()}."
        allow = [("Allow", "GET, HEAD")] if status == HTTPStatus.METHOD_NOT_ALLOWED else []
        self._answer(status, {"message": text}, [*allow, ("Connection", "close")])

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Probes are not logged."""

    def _answer(self, status: int, content: object, more: Sequence[tuple[str, str]] = ()) -> None:
        received = Headers.received(getattr(self, "headers", {}).items())
        request_id = request_id_of(received)
        if status != HTTPStatus.OK and isinstance(content, dict):
            content = {**content, "request_id": request_id}
        body = json.dumps(content, sort_keys=True).encode() + b"\n"
        fields = [
            ("Date", self.date_time_string()),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("X-Drum-Version", __version__),
            *((name, request_id) for name in REQUEST_ID_HEADERS),
            *SECURITY_HEADERS,
            *more,
        ]
        self.send_response_only(status, "Model Failed" if status == 513 else None)
        for name, value in fields:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
