"""A local service that speaks the part of Docker's Engine API that is needed, and notes it.

No engine can run where tests do. The client library is the real one, and so is the command: this
service runs it as a process of this machine, with the paths of its mounts put back, so that what
comes out shows whether mounts, words and variables say together what was meant. There is no
isolation; what only an engine can show is in test_real_engine.py.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from drum_core.version import __version__

VERSION = "1.44"


@dataclass
class FakeContainer:
    """A container: what it was made from, and its process once it is started."""

    config: dict[str, object]
    started: threading.Event = field(default_factory=threading.Event)
    process: subprocess.Popen[bytes] | None = None
    status: int | None = None
    removed: bool = False

    @property
    def words(self) -> list[str]:
        """The command as it was asked for."""
        words = self.config["Cmd"]
        assert isinstance(words, list)
        return words

    @property
    def host(self) -> dict[str, object]:
        """The part of the configuration that is about this machine."""
        found = self.config["HostConfig"]
        assert isinstance(found, dict)
        return found

    @property
    def mounts(self) -> dict[str, tuple[str, bool]]:
        """Source, and whether it is read only, by the path in the container."""
        found = self.host.get("Mounts") or []
        assert isinstance(found, list)
        return {item["Target"]: (item["Source"], item["ReadOnly"]) for item in found}

    @property
    def variables(self) -> dict[str, str]:
        """The environment that it was given."""
        found = self.config.get("Env") or []
        assert isinstance(found, list)
        return dict(item.split("=", 1) for item in found)

    def outside(self) -> list[str]:
        """The command for this machine: `drum` is this one, mounts are what they are of."""
        words = [self._outside(word) for word in self.words]
        assert words[0] == "drum"
        return [sys.executable, "-m", "drum_core", *words[1:]]

    def _outside(self, word: str) -> str:
        for target, (source, _) in self.mounts.items():
            if word == target or word.startswith(target + "/"):
                return source + word.removeprefix(target)
        return word.replace("0.0.0.0", "127.0.0.1")


@dataclass
class FakeEngine:
    """The service: what it was asked, what it built, and the containers it made."""

    url: str = ""
    calls: list[str] = field(default_factory=list)
    images: set[str] = field(default_factory=lambda: {"local/image:1"})
    containers: list[FakeContainer] = field(default_factory=list)
    builds: list[dict[str, bytes]] = field(default_factory=list)
    """The files of each build; that of the Dockerfile is `Dockerfile`, wherever it came from."""
    build_error: str = ""
    out_of_memory: bool = False
    drum_version: str = f"drum {__version__}"
    """What `drum --version` says in the image."""

    @property
    def runs(self) -> list[FakeContainer]:
        """The containers that were not only asked for a version."""
        return [item for item in self.containers if item.words[0] != "sh"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: ClassVar[FakeEngine]

    def do_GET(self) -> None:
        """Notes the call and answers it."""
        parts = urlsplit(self.path)
        path = re.sub(r"^/v[\d.]+", "", unquote(parts.path))
        self.engine.calls.append(f"{self.command} {path}")
        body = self._body()
        for pattern, name in _ROUTES:
            if found := re.fullmatch(pattern, f"{self.command} {path}"):
                getattr(self, name)(*found.groups(), query=parse_qs(parts.query), body=body)
                return
        self._json(404, {"message": "page not found"})

    do_POST = do_DELETE = do_GET

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _json(self, status: int, content: object) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version(self, **_: object) -> None:
        """What the client library asks first."""
        self._json(200, {"ApiVersion": VERSION, "MinAPIVersion": "1.24", "Version": "test"})

    def image(self, name: str, **_: object) -> None:
        """An image that is there, or not."""
        if name in self.engine.images:
            self._json(200, {"Id": "sha256:1", "RepoTags": [name]})
        else:
            self._json(404, {"message": f"No such image: {name}"})

    def build(self, *, query: dict[str, list[str]], body: bytes) -> None:
        """Takes the context apart, and says that it was built, or not."""
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            files = {
                item.name: found.read()
                for item in archive.getmembers()
                if (found := archive.extractfile(item)) is not None
            }
        files["Dockerfile"] = files.pop(query["dockerfile"][0])
        self.engine.builds.append(files)
        lines: list[dict[str, str]] = [{"stream": "Step 1/1 : FROM scratch\n"}]
        if self.engine.build_error:
            lines.append({"error": self.engine.build_error})
        else:
            self.engine.images.add(query["t"][0])
        self._json_lines(lines)

    def _json_lines(self, lines: list[dict[str, str]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for block in [*(json.dumps(line).encode() + b"\r\n" for line in lines), b""]:
            self.wfile.write(f"{len(block):x}\r\n".encode() + block + b"\r\n")

    def create(self, *, body: bytes, **_: object) -> None:
        """Makes a container that is not started yet."""
        config = json.loads(body)
        if config["Image"] not in self.engine.images:
            self._json(404, {"message": f"No such image: {config['Image']}"})
            return
        self.engine.containers.append(FakeContainer(config))
        self._json(201, {"Id": f"c{len(self.engine.containers) - 1}", "Warnings": []})

    def inspect(self, number: str, **_: object) -> None:
        """How a container is."""
        state = {"OOMKilled": self.engine.out_of_memory, "Status": "exited"}
        self._json(
            200,
            {
                "Id": f"c{number}",
                "Config": {"Tty": False},
                "State": state,
                "HostConfig": {"LogConfig": {"Type": "json-file"}},
            },
        )

    def start(self, number: str, **_: object) -> None:
        """Runs the command on this machine."""
        found = self.engine.containers[int(number)]
        is_version = found.words == ["sh", "-c", "drum --version"]
        words = ["echo", self.engine.drum_version] if is_version else found.outside()
        found.process = subprocess.Popen(
            words,
            env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **found.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        found.started.set()
        self._json(204, None)

    def attach(self, number: str, **_: object) -> None:
        """Sends what the container writes, as frames, until it ends."""
        found = self.engine.containers[int(number)]
        self.send_response(101, "UPGRADED")
        self.send_header("Content-Type", "application/vnd.docker.multiplexed-stream")
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "tcp")
        self.end_headers()
        found.started.wait(30)
        self._frames(found)
        self.close_connection = True

    def logs(self, number: str, **_: object) -> None:
        """The same of a container that has run, as the body of an answer."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self._frames(self.engine.containers[int(number)])
        self.close_connection = True

    def _frames(self, found: FakeContainer) -> None:
        process = found.process
        assert process is not None
        assert process.stdout is not None
        assert process.stderr is not None
        lock = threading.Lock()

        def copy(stream: IO[bytes], channel: int) -> None:
            while block := os.read(stream.fileno(), 65536):
                with lock, contextlib.suppress(OSError):
                    self.wfile.write(struct.pack(">BxxxL", channel, len(block)) + block)
                    self.wfile.flush()

        other = threading.Thread(target=copy, args=(process.stderr, 2))
        other.start()
        copy(process.stdout, 1)
        other.join(30)
        process.stdout.close()
        process.stderr.close()

    def wait(self, number: str, **_: object) -> None:
        """The exit status, once there is one."""
        process = self.engine.containers[int(number)].process
        assert process is not None
        status = process.wait(60)
        self._json(200, {"StatusCode": status if status >= 0 else 128 - status})

    def stop(self, number: str, **_: object) -> None:
        """SIGTERM, and the end."""
        process = self.engine.containers[int(number)].process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        self._json(204, None)

    def remove(self, number: str, **_: object) -> None:
        """Takes it away, and kills it first."""
        found = self.engine.containers[int(number)]
        found.removed = True
        if found.process is not None and found.process.poll() is None:
            found.process.kill()
            found.process.wait(30)
        self._json(204, None)

    def log_message(self, format: str, *args: object) -> None:
        """Is quiet."""

    def handle(self) -> None:
        """Serves the connection, which the client may break off."""
        with contextlib.suppress(OSError):
            super().handle()


_ROUTES = [
    ("GET /version", "version"),
    ("GET /images/(.+)/json", "image"),
    ("POST /build", "build"),
    ("POST /containers/create", "create"),
    (r"GET /containers/c(\d+)/json", "inspect"),
    (r"POST /containers/c(\d+)/start", "start"),
    (r"POST /containers/c(\d+)/attach", "attach"),
    (r"GET /containers/c(\d+)/logs", "logs"),
    (r"POST /containers/c(\d+)/wait", "wait"),
    (r"POST /containers/c(\d+)/stop", "stop"),
    (r"DELETE /containers/c(\d+)", "remove"),
]


@contextmanager
def running_engine() -> Iterator[FakeEngine]:
    """A service on a free port."""
    engine = FakeEngine()
    handler = type("Handler", (_Handler,), {"engine": engine})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    engine.url = f"tcp://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield engine
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
        for container in engine.containers:
            if container.process is not None and container.process.poll() is None:
                container.process.kill()
                container.process.wait(30)
