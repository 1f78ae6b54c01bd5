"""A local service that speaks the part of DataRobot's REST API that a push needs, and notes it."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

TOKEN = "NzA5-secret-token-of-a-test"


@dataclass
class Received:
    """A call that the service got: JSON or form fields, and files by their path."""

    method: str
    path: str
    token: str
    fields: dict[str, object]
    files: dict[str, bytes]

    @property
    def name(self) -> str:
        """Method and path, as the contract writes them."""
        return f"{self.method} {self.path}"


@dataclass
class Fault:
    """What is answered instead of success; `reset` breaks the connection off."""

    status: int = 503
    body: object = None
    headers: dict[str, str] = field(default_factory=lambda: {"Retry-After": "0"})
    reset: bool = False


@dataclass
class Platform:
    """The service: its address, what it got, and what it shall answer wrongly, in order."""

    endpoint: str = ""
    calls: list[Received] = field(default_factory=list)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    answers: dict[str, tuple[int, dict[str, str], object]] = field(default_factory=dict)
    """Other answers than those below, by method and path."""
    seconds: float = 0.0
    """How long a version takes to be stored."""

    def names(self) -> list[str]:
        """Method and path of each call."""
        return [call.name for call in self.calls]

    def one(self, name: str) -> Received:
        """The only call with that method and path."""
        (found,) = [call for call in self.calls if call.name == name]
        return found

    def answer(self, call: Received) -> tuple[int, dict[str, str], object]:
        """Status, headers and content for a call, as DataRobot's would be."""
        if call.name in self.answers:
            return self.answers[call.name]
        for pattern, status, headers, content in _ANSWERS:
            if re.fullmatch(pattern, call.name):
                return status, headers, content
        return 404, {}, {"message": "Not Found"}


def _location(path: str) -> dict[str, str]:
    return {"Location": f"http://127.0.0.1/api/v2/{path}"}


_ADDED = {
    "addedToMenu": [{"userBlueprintId": "ub1", "blueprintId": "bp1"}],
    "notAddedToMenu": [],
    "message": "added",
}
_ANSWERS: list[tuple[str, int, dict[str, str], object]] = [
    ("GET version/", 200, {}, {"major": 2, "minor": 99, "versionString": "2.99.0"}),
    ("POST customModels/", 201, {}, {"id": "model1", "name": "x"}),
    ("POST customTasks/", 201, {}, {"id": "task1", "name": "x"}),
    (r"POST customModels/\w+/versions/", 201, {}, {"id": "version1", "label": "v1.0"}),
    (r"POST customTasks/\w+/versions/", 201, {}, {"id": "version1", "label": "v1.0"}),
    (r"DELETE custom(Models|Tasks)/\w+/", 204, {}, None),
    ("POST userBlueprints/fromCustomTaskVersionId/", 201, {}, {"userBlueprintId": "ub1"}),
    ("POST userBlueprintsProjectBlueprints/", 200, {}, _ADDED),
    (r"POST projects/\w+/models/", 202, _location("projects/p1/modelJobs/7/"), None),
    (r"GET projects/\w+/modelJobs/7/", 200, {}, {"id": "7", "modelId": "trained1"}),
]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    platform: ClassVar[Platform]

    def do_GET(self) -> None:
        """Notes the call and answers it."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fields, files = _body(self.headers.get("Content-Type", ""), body)
        call = Received(
            method=self.command,
            path=self.path.removeprefix("/api/v2/"),
            token=self.headers.get("Authorization", ""),
            fields=fields,
            files=files,
        )
        self.platform.calls.append(call)
        if faults := self.platform.faults.get(call.name):
            self._fail(faults.pop(0))
            return
        if files:
            time.sleep(self.platform.seconds)
        self._reply(*self.platform.answer(call))

    do_POST = do_DELETE = do_GET

    def _fail(self, fault: Fault) -> None:
        if not fault.reset:
            self._reply(fault.status, fault.headers, fault.body)
            return
        # Closing a socket that lingers for no time sends a reset.
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True

    def _reply(self, status: int, headers: dict[str, str], content: object) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        body = b"" if content is None else text.encode()
        kind = "text/html" if isinstance(content, str) else "application/json"
        self.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Is quiet."""

    def handle(self) -> None:
        """Serves the connection, which may be broken off on purpose, or by the client."""
        with contextlib.suppress(OSError):
            super().handle()

    def finish(self) -> None:
        """Ends the connection, as far as it has not ended."""
        with contextlib.suppress(OSError):
            super().finish()


@contextmanager
def running_platform() -> Iterator[Platform]:
    """A service on a free port."""
    platform = Platform()
    handler = type("Handler", (_Handler,), {"platform": platform})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    platform.endpoint = f"http://127.0.0.1:{server.server_port}/api/v2"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield platform
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def _body(kind: str, body: bytes) -> tuple[dict[str, object], dict[str, bytes]]:
    if not kind.startswith("multipart/"):
        return (json.loads(body) if body else {}), {}
    parsed = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    fields: dict[str, object] = {}
    files: dict[str, bytes] = {}
    waiting: list[bytes] = []
    for part in parsed.walk():
        if part.is_multipart():
            continue
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        name = part.get_param("name", header="content-disposition")
        if name == "file":
            waiting.append(content)
        elif name == "filePath":  # follows the file that it is for
            files[content.decode()] = waiting.pop()
        else:
            fields[str(name)] = content.decode()
    assert not waiting
    return fields, files


def until(holds: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
