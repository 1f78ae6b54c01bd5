"""Bytes that are no request, and requests that end too soon, on a raw socket."""

from __future__ import annotations

import random
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.model_folders import DOUBLE, make_folder
from tests.security.live import SERVERS, Operated, operated
from tests.web.live import wait_until

PREDICT = (
    b"POST /predict/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
    b"Content-Length: 10\r\nConnection: close\r\n\r\nx\n1\n2\n3\n4\n"
)
CHUNKED = (
    b"POST /predict/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
    b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    b"4\r\nx\n1\n\r\n2\r\n2\n\r\n0\r\n\r\n"
)


def garbage(seed: int) -> Iterator[bytes]:
    """Random bytes, alone and in place of a part of a request."""
    source = random.Random(seed)
    for _ in range(15):
        noise = source.randbytes(source.choice((1, 16, 300, 5000)))
        cut = source.randrange(len(PREDICT))
        yield noise
        yield noise + b"\r\n\r\n"
        yield PREDICT[:cut] + noise
        yield b"GET /" + noise.replace(b"\n", b"") + b" HTTP/1.1\r\n\r\n"
        yield CHUNKED[: CHUNKED.index(b"4\r\nx")] + noise


def truncated() -> Iterator[bytes]:
    """Whole requests, each cut at many places."""
    for whole in (PREDICT, CHUNKED):
        yield from (whole[:size] for size in range(1, len(whole), 5))


def sent(port: int, data: bytes) -> bytes:
    """What comes back for bytes after which the client says no more, until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            answer = b""
            while chunk := sock.recv(65536):
                answer += chunk
        except (ConnectionResetError, BrokenPipeError):
            return b""
        return answer


def open_files(pid: int) -> int:
    """Open files and sockets of a server and its workers."""
    parent = psutil.Process(pid)
    return sum(item.num_fds() for item in (parent, *parent.children(recursive=True)))


def is_ready(live: Operated) -> bool:
    """Whether the model is there."""
    return b" 200 " in live.raw(b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize("server", SERVERS)
def test_no_bytes_break_a_server(server: str, tmp_path: Path) -> None:
    """No 500, no connection left hanging, no file left open; a real request is answered after."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    with operated(folder, ["--server", server], log=tmp_path / "log") as live:
        wait_until(lambda: is_ready(live))
        assert b'{"predictions":' in live.raw(PREDICT)
        before = open_files(live.process.pid)
        for data in (*garbage(5), *truncated()):
            answer = sent(live.port, data)
            assert b" 500 " not in answer.partition(b"\r\n")[0], (data, answer)
        wait_until(lambda: open_files(live.process.pid) <= before + 2, 30)
        assert "Traceback" not in live.log
        request = urllib.request.Request(f"http://127.0.0.1:{live.port}/predict/", data=b"x\n4\n")
        request.add_header("Content-Type", "text/csv")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.read() == b'{"predictions":[8.0]}'
