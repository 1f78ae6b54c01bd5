"""Request bodies that arrive over a socket in a blocking server, and must not take for ever.

A gap is found by the socket's own timeout. A body that trickles never meets that, so one thread of
the process looks after all bodies that are arriving, and hangs up on those that take too long.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from drum_core.limit_errors import SlowBodyError
from drum_core.messages import BodyWriter

__all__ = ["SlowBodies"]

_LOOK_SECONDS: Final = 0.25
_REST_SECONDS: Final = 30.0


class SlowBodies:
    """The bodies that are arriving at one process; its thread ends when there has been none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arriving: dict[BodyWriter, tuple[socket.socket, float]] = {}
        self._watcher: threading.Thread | None = None

    @contextmanager
    def watched(self, connection: socket.socket | None, writer: BodyWriter) -> Iterator[None]:
        """While the body is read from `connection`; without one, nothing can be done.

        After a gap a read fails, as servers let it fail. A body that takes too long ends as if
        its client had left, and the writer has refused it. The rest of what is late is not read.
        """
        patience, until = writer.patience(), writer.ends_by()
        if connection is None or patience is None:
            yield
            return
        before = connection.gettimeout()
        connection.settimeout(patience)
        if until is not None:
            self._add(writer, connection, until)
        try:
            yield
        finally:
            if isinstance(writer.refusal, SlowBodyError):
                _hang_up(connection)
            if until is not None:
                with self._lock:
                    self._arriving.pop(writer, None)
            with suppress(OSError):
                connection.settimeout(before)

    def _add(self, writer: BodyWriter, connection: socket.socket, until: float) -> None:
        with self._lock:
            self._arriving[writer] = (connection, until)
            if self._watcher is None or not self._watcher.is_alive():  # it does not survive a fork
                self._watcher = threading.Thread(
                    target=self._watch, name="drum-slow-bodies", daemon=True
                )
                self._watcher.start()

    def _watch(self) -> None:
        quiet_since = time.monotonic()
        while True:
            time.sleep(_LOOK_SECONDS)
            now = time.monotonic()
            with self._lock:
                if self._arriving:
                    quiet_since = now
                elif now - quiet_since > _REST_SECONDS:
                    self._watcher = None
                    return
                for writer, (connection, until) in self._arriving.items():
                    if until <= now:
                        writer.time_out(whole=True)
                        _hang_up(connection)


def _hang_up(connection: socket.socket) -> None:
    """No more is read: who waits for more is told that this is all."""
    with suppress(OSError):
        # Past the method of a TLS socket, which would give up its encryption as well.
        socket.socket.shutdown(connection, socket.SHUT_RD)
