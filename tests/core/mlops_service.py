"""A local service that notes the reports it is sent, and spool files that hold them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

VERSION = {"major": 2, "minor": 99, "versionString": "2.99.0"}


@dataclass
class Service:
    """A service that notes what it is sent and takes everything, unless told otherwise."""

    url: str = ""
    calls: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    """Method, path, authorization and body."""
    content: dict[str, object] = field(default_factory=dict)
    """What GET answers at a path."""
    status: dict[str, int] = field(default_factory=dict)
    """What a path answers with, where it is not success."""
    seconds: float = 0.0
    """How long every answer takes."""

    def posted(self, path_end: str) -> list[dict[str, object]]:
        """What has been reported to paths with that end."""
        bodies = [
            call[3] for call in self.calls if call[0] == "POST" and call[1].endswith(path_end)
        ]
        return [item for body in bodies for item in json.loads(body)["data"]]

    def got(self) -> list[str]:
        """The paths of the API that were read, one after another."""
        return [path.removeprefix("/api/v2") for method, path, *_ in self.calls if method == "GET"]


@contextmanager
def running_service() -> Iterator[Service]:
    """A service on a free port."""
    noted = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            token = self.headers.get("Authorization", "")
            noted.calls.append((self.command, self.path, token, self.rfile.read(size)))
            time.sleep(noted.seconds)
            path = self.path.removeprefix("/api/v2")
            body = json.dumps(noted.content.get(path, VERSION)).encode()
            self.send_response(noted.status.get(path, 200 if self.command == "GET" else 202))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Is quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    noted.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield noted
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def spool(folder: Path) -> str:
    """Settings by which reports go to a file in a folder."""
    folder.mkdir(exist_ok=True)
    return f"spooler_type=filesystem;directory={folder};max_files=1;file_max_size=1048576"


def spooled(folder: Path) -> list[dict[str, object]]:
    """What was reported to that folder, one after another."""
    lines = [line for path in folder.iterdir() for line in path.read_text().splitlines()]
    messages = [json.loads(line) for line in lines]
    assert {message["header"]["deploymentId"] for message in messages} <= {"dep1"}
    return [json.loads(message["data"]) for message in messages]


def await_true(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether something comes true in time."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True
