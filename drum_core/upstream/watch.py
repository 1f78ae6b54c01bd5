"""Cuts connections whose answer nobody wants any more, so that no thread waits on them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Final

__all__ = ["Watch"]

_SECONDS: Final = 0.25


class _Watched:
    __slots__ = ("gone", "sock")

    def __init__(self, sock: socket.socket, gone: Callable[[], bool]) -> None:
        self.sock = sock
        self.gone = gone


class Watch:
    """Asks about every exchange that goes on, four times a second, in a thread of its own.

    The thread is there while anything is watched, and ends with it.
    """

    def __init__(self) -> None:
        self._watched: set[_Watched] = set()
        self._changed = threading.Condition()
        self._running = False
        self.closed: bool = False

    def begin(self, sock: socket.socket, gone: Callable[[], bool]) -> object:
        """Watches; what it gives is for `end`. Once closed, the connection is cut at once."""
        watched = _Watched(sock, gone)
        with self._changed:
            self._watched.add(watched)
            if self.closed:
                _cut(watched)
            elif not self._running:
                self._running = True
                threading.Thread(target=self._run, name="drum-upstream-watch", daemon=True).start()
        return watched

    def end(self, watched: object) -> None:
        """Watches it no longer; safe to call again. Call it before the socket is closed."""
        with self._changed:
            self._watched.discard(watched)

    def close(self) -> None:
        """Cuts every connection that is watched, and any later one."""
        with self._changed:
            self.closed = True
            for watched in self._watched:
                _cut(watched)
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(_SECONDS)
                if not self._watched or self.closed:
                    self._running = False
                    return
                for watched in self._watched:
                    if watched.gone():
                        _cut(watched)


def _cut(watched: _Watched) -> None:
    with contextlib.suppress(OSError):
        watched.sock.shutdown(socket.SHUT_RDWR)
