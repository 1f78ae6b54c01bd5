"""The whole life of a worker that has a process of its own."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Final, TypeAlias

from drum_core.errors import DrumError
from drum_core.logs import logs_shown
from drum_core.options.server import ServerSettings
from drum_core.process_end import end_process
from drum_core.protocols import Assemble
from drum_core.scoreboard import Place, Scoreboard

__all__ = ["CANNOT_WORK", "GRACE_SECONDS", "RunWorker", "work"]

_logger = logging.getLogger("drum.server")

RunWorker: TypeAlias = Callable[[ServerSettings, Assemble, socket.socket, Place], int]
"""Serves on a socket in the current process; the exit status. A function of a module, so that it
crosses `spawn`."""

CANNOT_WORK: Final = 3
"""Exit status of a worker that would fail again: it is not started anew, all is ended."""

GRACE_SECONDS: Final = 5.0
"""What a worker has, after the graceful timeout, to clean up."""


def work(
    run: RunWorker,
    settings: ServerSettings,
    assemble: Assemble,
    sock: socket.socket,
    scoreboard: Scoreboard,
    slot: int,
    parent: Connection,
) -> None:
    """What a process of a supervisor runs; it ends with it, also when that is killed."""
    watch = threading.Thread(target=_end_with, args=(parent, settings), daemon=True)
    watch.start()
    with logs_shown(settings.logging_level, form=settings.log_format, access=settings.access_log):
        try:
            place = Place(
                scoreboard,
                scoreboard.card(slot),
                supervised=True,
                slot=slot,
                hang_seconds=settings.hang_timeout,
            )
            status = run(settings, assemble, sock, place)
        except DrumError as error:
            _logger.error("%s", error)
            status = CANNOT_WORK
        except Exception:
            _logger.exception("A worker failed")
            status = CANNOT_WORK
    # A prediction that outlived its time must not keep the process.
    end_process(CANNOT_WORK if status else 0)


def _end_with(parent: Connection, settings: ServerSettings) -> None:
    """Waits for the end of the supervisor: nobody else can end this process then."""
    try:
        parent.recv_bytes()
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(settings.graceful_timeout + GRACE_SECONDS)
        os._exit(1)
