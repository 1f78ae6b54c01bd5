"""Starts the process that answers probes for a server, and keeps it there."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from drum_core.options.server import ServerSettings
from drum_core.own_process import start_python
from drum_core.scoreboard import Scoreboard
from drum_web.servers.listening import listen_at, url_of

__all__ = ["ProbeListener", "probe_listener"]

_logger = logging.getLogger("drum.server")

_REST_SECONDS: Final = 1.0
"""Between two starts."""
_MAIN: Final = "drum_web.servers.probe_process:main"


class ProbeListener:
    """A process that answers probes from the scoreboard, at an address of its own.

    It ends with the process that made it, however that ends.
    """

    def __init__(
        self, address: tuple[str, int], scoreboard: Scoreboard, *, hang_seconds: int
    ) -> None:
        """Raises `ServerError` when it cannot listen there."""
        self._owner = os.getpid()
        self._scoreboard = scoreboard
        self._hang_seconds = hang_seconds
        self._socket = listen_at(*address, backlog=128, option="--probe-address")
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        _logger.info("Answering probes on %s", url_of(self._socket))

    def keep(self) -> None:
        """Starts the process unless it runs; for a loop of the server."""
        if self._process is not None and self._process.poll() is None:
            return
        if self._started and time.monotonic() - self._started < _REST_SECONDS:
            return
        if self._started:
            _logger.error("the process that answers probes has ended; it is started anew")
        self._started = time.monotonic()
        descriptors = (self._socket.fileno(), self._scoreboard.descriptor)
        numbers = (*descriptors, self._scoreboard.slots, self._hang_seconds, self._owner)
        try:
            self._process = start_python(_MAIN, numbers, descriptors)
        except OSError:  # such as no memory: the server goes on, and tries again later
            _logger.exception("the process that answers probes could not be started")

    def close(self) -> None:
        """Ends the process; in a fork of the process that made it, lets go of its socket only."""
        self._socket.close()
        if self._process is not None and os.getpid() == self._owner:
            self._process.kill()
            self._process.wait()


@contextmanager
def probe_listener(
    settings: ServerSettings, scoreboard: Scoreboard, *, watched: bool = False
) -> Iterator[ProbeListener | None]:
    """The process that `settings` ask for, if they do, until the block ends.

    Whoever has no loop that calls `keep` has it `watched`, by a thread.
    """
    if settings.probe_address is None:
        yield None
        return
    listener = ProbeListener(settings.probe_address, scoreboard, hang_seconds=settings.hang_timeout)
    with contextlib.closing(listener):
        listener.keep()
        with _watched(listener) if watched else contextlib.nullcontext():
            yield listener


@contextmanager
def _watched(listener: ProbeListener) -> Iterator[None]:
    ended = threading.Event()
    thread = threading.Thread(target=_watch, args=(listener, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _watch(listener: ProbeListener, ended: threading.Event) -> None:
    while not ended.wait(_REST_SECONDS):
        listener.keep()
