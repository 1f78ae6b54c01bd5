"""A model served on the host that has no framework, and requests to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drum_core import CMRunner, DrumRuntime, LocalWorker, ServerOptions
from drum_core.testing import Answer, Call, DictHost, fetch

CSV = [("Content-Type", "text/csv")]
GET_PATHS = [
    "/ping",
    "/health",
    "/livez",
    "/readyz",
    "/startupz",
    "/info",
    "/capabilities",
    "/stats",
]


@contextmanager
def serving(folder: Path, *, wait: bool = True, **options: object) -> Iterator[DictHost]:
    """The model in `folder` on a dict host, ready unless told not to wait."""
    host = DictHost()
    made = ServerOptions(code_dir=folder, **options)  # type: ignore[arg-type]  # test data
    with LocalWorker() as worker, DrumRuntime(made) as runtime:
        CMRunner(runtime, app=host, worker_ctx=worker).run()
        if wait:
            await_state(host, made.url_prefix)
        yield host


def await_state(host: DictHost, prefix: str = "", status: tuple[int, ...] = (200, 513)) -> None:
    """Waits until `/health/` has one of the statuses."""
    for _ in range(500):
        if get(host, prefix + "/health/").status in status:
            return
        time.sleep(0.01)
    raise AssertionError("the model did not settle")


def get(host: DictHost, target: str, *headers: tuple[str, str]) -> Answer:
    """GETs `target`."""
    return fetch(host, Call("GET", target, headers))


def post(
    host: DictHost, body: bytes | str, *headers: tuple[str, str], target: str = "/predict/"
) -> Answer:
    """POSTs `body`."""
    return fetch(
        host, Call("POST", target, headers, body.encode() if isinstance(body, str) else body)
    )


def form(*parts: tuple[str, bytes], boundary: str = "B") -> tuple[bytes, tuple[str, str]]:
    """A multipart body of (disposition, data) and its header."""
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {said}\r\n\r\n".encode() + data + b"\r\n"
        for said, data in parts
    )
    body += f"--{boundary}--\r\n".encode()
    return body, ("Content-Type", f"multipart/form-data; boundary={boundary}")
