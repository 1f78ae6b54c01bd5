"""Several workers that share one socket: started, kept alive, replaced, and ended together."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import time
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import SpawnContext, SpawnProcess
from types import FrameType
from typing import Final

from drum_core.heartbeat import DUMP_SIGNAL
from drum_core.options.server import ServerSettings
from drum_core.protocols import Assemble
from drum_core.scoreboard import CardState, Place, Scoreboard
from drum_web.servers.deaths import Deaths
from drum_web.servers.listening import announce, listen, refuse_new
from drum_web.servers.probe_listener import ProbeListener, probe_listener
from drum_web.servers.signals import STOP_SIGNALS, handled
from drum_web.servers.worker_process import CANNOT_WORK, GRACE_SECONDS, RunWorker, work

__all__ = ["serve_in_processes"]

_logger = logging.getLogger("drum.server")

POLL_SECONDS: Final = 0.2


def serve_in_processes(run: RunWorker, settings: ServerSettings, assemble: Assemble) -> int:
    """Serves with `run` until SIGTERM or SIGINT: one worker in this process, several in their own.

    A single worker that may be replaced has a process of its own too. 0; or 1 when a worker cannot
    work, or dies again and again. Raises `ServerError` when it cannot listen.
    """
    with listen(settings) as sock:
        if settings.workers > 1 or settings.max_requests:
            return _supervise(run, settings, assemble, sock)
        scoreboard = Scoreboard(1)
        place = Place(scoreboard, scoreboard.card(0), False, hang_seconds=settings.hang_timeout)
        with contextlib.closing(scoreboard), probe_listener(settings, scoreboard, watched=True):
            return run(settings, assemble, sock, place)


def _supervise(
    run: RunWorker, settings: ServerSettings, assemble: Assemble, sock: socket.socket
) -> int:
    """Runs `settings.workers` processes that serve on `sock`, until SIGTERM or SIGINT.

    A worker that dies is started anew, after a delay that grows; one that asks to be replaced goes
    on until another is ready. No worker outlives this process, however it ends.
    """
    supervisor = _Supervisor(run, settings, assemble, sock)
    with (
        handled(supervisor.stop),
        handled(supervisor.dump, {DUMP_SIGNAL}),
        probe_listener(settings, supervisor.scoreboard) as listener,
    ):
        announce(sock, secure=settings.tls is not None)
        return supervisor.run(listener)


@dataclass
class _Seat:
    """The place of one worker on the scoreboard, with the process that is in it now."""

    process: SpawnProcess | None = None
    told_to_end: bool = False


class _Supervisor:
    def __init__(
        self, run: RunWorker, settings: ServerSettings, assemble: Assemble, sock: socket.socket
    ) -> None:
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._work = (run, settings, assemble, sock)
        self._settings = settings
        # Twice as many as work: while one is replaced, two of them are there.
        self._seats = [_Seat() for _ in range(2 * settings.workers)]
        self.scoreboard: Scoreboard = Scoreboard(len(self._seats))
        self._deaths = Deaths(self.scoreboard, workers=settings.workers)
        # Nothing is ever written: the readers see the end of it when this process is gone.
        self._alive_reader, self._alive = self._context.Pipe(duplex=False)
        self._next_start = 0.0
        self._stopping = False
        self._status = 0

    def run(self, listener: ProbeListener | None) -> int:
        """Until the end; the exit status. `listener` is kept there."""
        try:
            while not self._stopping:
                if listener is not None:
                    listener.keep()
                self._start_missing()
                self._end_replaced()
                self._wait(POLL_SECONDS)
                for slot, seat in enumerate(self._seats):
                    self._look_after(slot, seat)
        finally:
            self._end_all()
            self.scoreboard.close()
        return self._status

    def stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Ends everything; as a signal handler, or because of a worker."""
        self._stopping = True

    def dump(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Has the workers write the stacks of their threads; a signal handler."""
        for record in self.scoreboard.records():
            with contextlib.suppress(ProcessLookupError):
                os.kill(record.pid, DUMP_SIGNAL)

    def _state(self, slot: int) -> CardState:
        return self.scoreboard.record(slot).state

    def _staying(self) -> list[int]:
        """The slots of the workers that neither end nor ask to be replaced."""
        return [
            slot
            for slot, seat in enumerate(self._seats)
            if seat.process is not None
            and not seat.told_to_end
            and self._state(slot) is not CardState.RETIRING
        ]

    def _start_missing(self) -> None:
        missing = self._settings.workers - len(self._staying())
        if missing <= 0 or time.monotonic() < self._next_start:
            return
        free = [slot for slot, seat in enumerate(self._seats) if seat.process is None]
        for slot in free[:missing]:
            if not self._stopping:
                self.scoreboard.clear(slot)
                self._seats[slot] = _Seat(self._start(slot))

    def _start(self, slot: int) -> SpawnProcess:
        process = self._context.Process(
            target=work,
            args=(*self._work, self.scoreboard, slot, self._alive_reader),
            name="drum-worker",
        )
        # Ctrl-C reaches the workers too; one that is still importing must not print a traceback.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return process

    def _end_replaced(self) -> None:
        """Ends the workers that asked to be replaced, once there are enough others."""
        ready = [slot for slot in self._staying() if self._state(slot) is CardState.READY]
        if len(ready) < self._settings.workers:
            return
        for slot, seat in enumerate(self._seats):
            if seat.process and not seat.told_to_end and self._state(slot) is CardState.RETIRING:
                seat.told_to_end = True
                self.scoreboard.count_replaced()
                seat.process.terminate()

    def _wait(self, seconds: float) -> None:
        sentinels = [seat.process.sentinel for seat in self._seats if seat.process is not None]
        if sentinels:
            wait(sentinels, seconds)
        else:
            time.sleep(seconds)

    def _look_after(self, slot: int, seat: _Seat) -> None:
        process = seat.process
        if process is None or process.is_alive() or self._stopping:
            return
        code = process.exitcode
        process.close()
        seat.process = None
        if code == CANNOT_WORK:
            self._give_up("A worker cannot serve the model; see its messages above.")
        elif not (seat.told_to_end and code == 0):
            self._deaths.tell(slot, code)
            if self._deaths.too_many:
                self._give_up("Workers die again and again, soon after their start.")
            self._next_start = time.monotonic() + self._deaths.delay
        self.scoreboard.clear(slot)

    def _give_up(self, reason: str) -> None:
        _logger.error("Stopping all workers. %s", reason)
        self._status = 1
        self.stop()

    def _end_all(self) -> None:
        sock = self._work[3]
        running = [seat.process for seat in self._seats if seat.process is not None]
        if self._settings.drain_delay:
            for process in running:
                process.terminate()
            time.sleep(self._settings.drain_delay)
        refuse_new(sock)
        sock.close()  # nobody would take what comes to a socket that only this process has open
        if not self._settings.drain_delay:
            for process in running:
                process.terminate()
        patience = self._settings.drain_delay + self._settings.graceful_timeout + GRACE_SECONDS
        until = time.monotonic() + patience
        for process in running:
            process.join(max(0.0, until - time.monotonic()))
            if process.is_alive():
                _logger.error("A worker did not end in time and was killed")
                process.kill()
                process.join()
            process.close()
        self._alive.close()
        self._alive_reader.close()
