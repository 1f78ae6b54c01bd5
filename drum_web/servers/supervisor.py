"""Several workers that share one socket: started, kept alive, and ended together."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from types import FrameType
from typing import Final, TypeAlias

from drum_core.errors import DrumError
from drum_core.logs import logs_shown
from drum_core.options.server import ServerSettings
from drum_core.process_end import end_process
from drum_core.protocols import Assemble
from drum_web.servers.listening import announce, listen
from drum_web.servers.signals import STOP_SIGNALS, handled

__all__ = ["RunWorker", "serve_in_processes"]

_logger = logging.getLogger("drum.server")

RunWorker: TypeAlias = Callable[[ServerSettings, Assemble, socket.socket], int]
"""Serves on a socket in the current process; the exit status. A function of a module, so that it
crosses `spawn`."""

CANNOT_WORK: Final = 3
"""Exit status of a worker that would fail again: it is not started anew, all is ended."""

POLL_SECONDS: Final = 0.2
GRACE_SECONDS: Final = 5.0
"""What a worker has, after the graceful timeout, to clean up."""

QUICK_SECONDS: Final = 30.0
QUICK_DEATHS: Final = 5
"""A worker that dies so often in a row, each time so young, is given up."""


def serve_in_processes(run: RunWorker, settings: ServerSettings, assemble: Assemble) -> int:
    """Serves with `run` until SIGTERM or SIGINT: one worker in this process, several in their own.

    0; or 1 when a worker cannot work, or dies again and again. Raises `ServerError` when it
    cannot listen.
    """
    with listen(settings) as sock:
        if settings.workers > 1:
            return _supervise(run, settings, assemble, sock)
        return run(settings, assemble, sock)


def _supervise(
    run: RunWorker, settings: ServerSettings, assemble: Assemble, sock: socket.socket
) -> int:
    """Runs `settings.workers` processes that serve on `sock`, until SIGTERM or SIGINT.

    A worker that dies is replaced, after a delay that grows. 0; or 1 when a worker cannot work,
    or dies again and again. No worker outlives this process, however it ends.
    """
    supervisor = _Supervisor(run, settings, assemble, sock)
    with handled(supervisor.stop):
        announce(sock, secure=settings.tls is not None)
        return supervisor.run()


@dataclass
class _Slot:
    """The place of one worker, with the process that is in it now."""

    process: SpawnProcess | None = None
    born: float = 0.0
    due: float = 0.0
    deaths: int = field(default=0)


class _Supervisor:
    def __init__(
        self, run: RunWorker, settings: ServerSettings, assemble: Assemble, sock: socket.socket
    ) -> None:
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._work = (run, settings, assemble, sock)
        self._settings = settings
        self._slots = [_Slot() for _ in range(settings.workers)]
        # Nothing is ever written: the readers see the end of it when this process is gone.
        self._alive_reader, self._alive = self._context.Pipe(duplex=False)
        self._stopping = False
        self._status = 0

    def run(self) -> int:
        try:
            while not self._stopping:
                self._start_due()
                self._wait(POLL_SECONDS)
                for slot in self._slots:
                    self._look_after(slot)
        finally:
            self._end_all()
        return self._status

    def stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Ends everything; as a signal handler, or because of a worker."""
        self._stopping = True

    def _start_due(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.process is None and slot.due <= now and not self._stopping:
                slot.process = self._start()
                slot.born = now

    def _start(self) -> SpawnProcess:
        process = self._context.Process(
            target=_work, args=(*self._work, self._alive_reader), name="drum-worker"
        )
        # Ctrl-C reaches the workers too; one that is still importing must not print a traceback.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return process

    def _wait(self, seconds: float) -> None:
        sentinels = [slot.process.sentinel for slot in self._slots if slot.process is not None]
        if sentinels:
            wait(sentinels, seconds)
        else:
            time.sleep(seconds)

    def _look_after(self, slot: _Slot) -> None:
        process = slot.process
        if process is None or process.is_alive() or self._stopping:
            return
        code, lived = process.exitcode, time.monotonic() - slot.born
        process.close()
        slot.process = None
        if code == CANNOT_WORK:
            self._give_up("A worker cannot serve the model; see its messages above.")
            return
        slot.deaths = slot.deaths + 1 if lived < QUICK_SECONDS else 1
        if slot.deaths >= QUICK_DEATHS:
            self._give_up(f"A worker died {slot.deaths} times in a row, soon after its start.")
            return
        delay = 0.25 * 2 ** (slot.deaths - 1)
        slot.due = time.monotonic() + delay
        _logger.warning("A worker %s; starting another in %.2f s", _ended_by(code), delay)

    def _give_up(self, reason: str) -> None:
        _logger.error("Stopping all workers. %s", reason)
        self._status = 1
        self.stop()

    def _end_all(self) -> None:
        running = [slot.process for slot in self._slots if slot.process is not None]
        for process in running:
            process.terminate()
        until = time.monotonic() + self._settings.graceful_timeout + GRACE_SECONDS
        for process in running:
            process.join(max(0.0, until - time.monotonic()))
            if process.is_alive():
                _logger.error("A worker did not end in time and was killed")
                process.kill()
                process.join()
            process.close()
        self._alive.close()
        self._alive_reader.close()


def _ended_by(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with status {code}"


def _work(
    run: RunWorker,
    settings: ServerSettings,
    assemble: Assemble,
    sock: socket.socket,
    parent: Connection,
) -> None:
    """The whole life of a worker process."""
    watch = threading.Thread(target=_end_with, args=(parent, settings), daemon=True)
    watch.start()
    with logs_shown(settings.logging_level):
        try:
            status = run(settings, assemble, sock)
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
