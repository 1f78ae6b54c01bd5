"""The master process of gunicorn, with the scoreboard that its workers write on."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from typing import Final

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer
from gunicorn.workers.gthread import ThreadWorker
from typing_extensions import override

from drum_core.heartbeat import DUMP_SIGNAL
from drum_core.scoreboard import CardState, Place, Scoreboard
from drum_web.servers.deaths import Deaths
from drum_web.servers.listening import refuse_new
from drum_web.servers.probe_listener import ProbeListener

__all__ = ["MappedWorker", "Master"]

LOOK_SECONDS: Final = 0.05
"""How often a worker that loads looks whether it is needed already."""


class MappedWorker(ThreadWorker):  # type: ignore[misc] # gunicorn publishes no types
    """A worker with a place on the scoreboard, which takes all that waits before it ends."""

    slot: int = 0
    place: Place | None = None

    @override
    def run(self) -> None:
        while self.alive and self.place is not None and self.place.leaves_requests_to_others():
            time.sleep(LOOK_SECONDS)
        super().run()

    @override
    def set_accept_enabled(self, enabled: bool) -> None:
        if not enabled and not self.alive and self._accepting:
            while ready := select.select(self.sockets, [], [], 0)[0]:
                for listener in ready:
                    self.accept(listener)
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:  # gunicorn would leave them open until it has drained
                listener.close()


class Master(Arbiter):  # type: ignore[misc] # gunicorn publishes no types
    """A master that knows why its workers died, and replaces those that ask for it."""

    def __init__(
        self,
        application: BaseApplication,
        scoreboard: Scoreboard,
        *,
        workers: int,
        drain_delay: float,
        listener: ProbeListener | None = None,
    ) -> None:
        """It gives up when `workers` of them die again and again, each soon after its start.

        Told to end, it lets connections begin for `drain_delay` seconds more. `listener` is kept
        there.
        """
        self._listener = listener
        self._drain_delay = drain_delay
        self._scoreboard = scoreboard
        self._deaths = Deaths(scoreboard, workers=workers)
        self._told_to_end: set[int] = set()
        self._next_start = 0.0
        self._stopping = False
        super().__init__(application)

    @override
    def stop(self, graceful: bool = True) -> None:
        if not self._stopping:
            self._stopping = True
            if self._drain_delay:
                self.kill_workers(signal.SIGTERM)
                time.sleep(self._drain_delay)
            for listener in self.LISTENERS:
                refuse_new(listener.sock)
        super().stop(graceful)

    @override
    def reap_workers(self) -> None:
        dead = [(pid, worker, _ending_of(pid)) for pid, worker in self.WORKERS.items()]
        super().reap_workers()
        for pid, worker, code in dead:
            if pid in self.WORKERS or self._stopping:
                continue
            told = pid in self._told_to_end
            self._told_to_end.discard(pid)
            if not (told and code in (0, None)):  # None: it died after the look, and was reaped
                self._tell(worker.slot, code)
            self._scoreboard.clear(worker.slot)

    def _tell(self, slot: int, code: int | None) -> None:
        self._deaths.tell(slot, code)
        self._next_start = time.monotonic() + self._deaths.delay
        if self._deaths.too_many:
            reason = "Workers die again and again, soon after their start."
            raise HaltServer(reason, self.WORKER_BOOT_ERROR)

    @override
    def manage_workers(self) -> None:
        """As many workers as there should be, not counting those that are to be replaced."""
        if self._listener is not None:
            self._listener.keep()
        record = self._scoreboard.record
        states = {pid: record(worker.slot).state for pid, worker in self.WORKERS.items()}
        retiring = {
            pid
            for pid, state in states.items()
            if state is CardState.RETIRING or pid in self._told_to_end
        }
        if len(states) - len(retiring) < self.num_workers:
            self.spawn_workers()
            return
        ready = [state for pid, state in states.items() if pid not in retiring]
        if ready.count(CardState.READY) >= self.num_workers:
            for pid in retiring - self._told_to_end:
                self._told_to_end.add(pid)
                self._scoreboard.count_replaced()
                self.kill_worker(pid, signal.SIGTERM)

    def handle_usr2(self) -> None:
        """Has the workers write the stacks of their threads, as the other servers do.

        gunicorn would run a second master on the same socket, which is none of ours.
        """
        for record in self._scoreboard.records():
            if record.pid in self.WORKERS:
                self.kill_worker(record.pid, DUMP_SIGNAL)

    def handle_hup(self) -> None:
        """Nothing: gunicorn would start all workers a second time, and count on ending the old."""
        self.log.info("A signal to reload or to scale is ignored; restart to change options")

    def handle_ttin(self) -> None:
        """Nothing, as `handle_hup`."""
        self.handle_hup()

    def handle_ttou(self) -> None:
        """Nothing, as `handle_hup`."""
        self.handle_hup()

    @override
    def spawn_workers(self) -> None:
        staying = set(self.WORKERS) - self._told_to_end
        record = self._scoreboard.record
        states = [record(self.WORKERS[pid].slot).state for pid in staying]
        missing = self.num_workers - sum(state is not CardState.RETIRING for state in states)
        if time.monotonic() >= self._next_start:
            for _ in self._free_slots()[:missing]:
                self.spawn_worker()

    def seat(self, worker: MappedWorker) -> None:
        """Gives a worker that is about to be forked a card that nobody has."""
        worker.slot = self._free_slots()[0]
        self._scoreboard.clear(worker.slot)

    def _free_slots(self) -> list[int]:
        taken = {worker.slot for worker in self.WORKERS.values()}
        return [slot for slot in range(self._scoreboard.slots) if slot not in taken]


def _ending_of(pid: int) -> int | None:
    """The status of a child that has ended, or minus a signal; it is left for others to reap."""
    with contextlib.suppress(ChildProcessError):
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is not None:
            return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
    return None
