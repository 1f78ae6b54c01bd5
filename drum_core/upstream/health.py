"""Whether the server behind this one is well: asked in the background, told at once."""

from __future__ import annotations

import threading
from typing import Final

from drum_core.upstream.connections import Upstream
from drum_core.upstream.errors import UpstreamError

__all__ = ["HealthWatch"]

_TIMEOUT_SECONDS: Final = 5.0
_SHOWN: Final = 200


class HealthWatch:
    """Asks `path` every few seconds; probes tell what it said last, and wait for nothing.

    Not well until it has answered 200 once. `run` is for a thread.
    """

    def __init__(self, upstream: Upstream, path: str, *, seconds: float = 2.0) -> None:
        self._upstream = upstream
        self._path = path
        self._seconds = seconds
        self._stop = threading.Event()
        self._reason: str | None = f"The server at {upstream.address} has not been asked yet."

    def reason(self) -> str | None:
        """Why it cannot be used; `None` while it can."""
        return self._reason

    def run(self) -> None:
        """Asks until `stop`."""
        while not self._stop.is_set():
            self.ask()
            self._stop.wait(self._seconds)

    def stop(self) -> None:
        """Ends `run`."""
        self._stop.set()

    def ask(self) -> None:
        """Asks once, 5 seconds at most."""
        try:
            answer = self._upstream.ask("GET", self._path, timeout=_TIMEOUT_SECONDS)
            text = answer.read()[:_SHOWN].decode("utf-8", "replace").strip()
        except UpstreamError as error:
            self._reason = str(error)
            return
        if answer.status == 200:
            self._reason = None
        else:
            at = f"{self._upstream.address}{self._path}"
            self._reason = f"The server at {at} answers {answer.status}: {text}"
