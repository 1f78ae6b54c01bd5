"""Flask on gunicorn: this process is the master, and forks the workers."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from types import FrameType
from typing import Final

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer
from typing_extensions import override

from drum_core.errors import DrumError
from drum_core.options.server import ServerSettings
from drum_core.process_end import end_process
from drum_core.protocols import Assemble
from drum_core.scoreboard import Place, Scoreboard
from drum_core.security.tls import Certificates
from drum_web.flask_app import FlaskApp
from drum_web.gunicorn_worker import WorkerCtx
from drum_web.servers.gunicorn_answers import answer_as_ours
from drum_web.servers.gunicorn_log import ServerLog
from drum_web.servers.gunicorn_master import MappedWorker, Master
from drum_web.servers.listening import announce, listen
from drum_web.servers.probe_listener import ProbeListener, probe_listener
from drum_web.servers.signals import handled

__all__ = ["serve"]

_logger = logging.getLogger("drum.server")

SPARE_THREADS: Final = 32
"""Threads of a worker besides those of the requests that run the model or wait for it: for probes,
and for bodies that are still arriving."""

CANNOT_WORK: Final = Arbiter.WORKER_BOOT_ERROR
"""Exit status at which the master ends too, instead of starting another worker."""

GRACE_SECONDS: Final = 5


def serve(settings: ServerSettings, assemble: Assemble) -> int:
    """Serves until SIGTERM or SIGINT, then drains; 0, or 1 when the model cannot load.

    Raises `ServerError` when it cannot listen.
    """
    stopped_early: list[int] = []
    certificates = None if settings.tls is None else Certificates(settings.tls)
    with handled(lambda number, frame: stopped_early.append(number)), ExitStack() as around:
        sock = listen(settings)
        announce(sock, secure=settings.tls is not None)
        # gunicorn closes the descriptor that it is given.
        application = _Application(settings, assemble, sock.detach(), stopped_early, certificates)
        master = os.getpid()
        listener = around.enter_context(probe_listener(settings, application.scoreboard))
        application.listener = listener
        arbiter = Master(
            application,
            application.scoreboard,
            workers=settings.workers,
            drain_delay=settings.drain_delay,
            listener=listener,
        )
        try:
            arbiter.run()
        except SystemExit as end:
            if os.getpid() != master:
                # What called this function is the master's, and is not run twice.
                end_process(end.code if isinstance(end.code, int) else int(end.code is not None))
            return 1 if end.code else 0
        except HaltServer:
            _end_rest(arbiter)
            return 1
    return 0


def _end_rest(arbiter: Arbiter) -> None:
    """Goes on stopping, after a second worker has failed while gunicorn stopped for a first."""
    while True:
        try:
            arbiter.stop()
        except HaltServer:  # each worker raises it once
            continue
        return


class _Application(BaseApplication):  # type: ignore[misc] # gunicorn publishes no types
    """What gunicorn runs, and its hooks. In a worker it has the application and its context."""

    def __init__(
        self,
        settings: ServerSettings,
        assemble: Assemble,
        descriptor: int,
        stopped_early: list[int],
        certificates: Certificates | None,
    ) -> None:
        self._certificates = certificates
        self._around = ExitStack()
        self._settings = settings
        self._assemble = assemble
        self._descriptor = descriptor
        self._stopped_early = stopped_early
        self._context: WorkerCtx | None = None
        self._worker: MappedWorker | None = None
        self._stopper: threading.Thread | None = None
        self._failed = False
        # Twice as many as work: while one is replaced, two of them are there.
        self.scoreboard: Scoreboard = Scoreboard(2 * settings.workers)
        self.listener: ProbeListener | None = None
        super().__init__()

    @override
    def load_config(self) -> None:
        for name, value in self._options().items():
            self.cfg.set(name, value)

    @override
    def load(self) -> object:
        """In a worker: the WSGI application, with the model's routes."""
        app = FlaskApp()
        slot = self._worker.slot if self._worker else 0
        place = Place(
            self.scoreboard,
            self.scoreboard.card(slot),
            supervised=True,
            slot=slot,
            hang_seconds=self._settings.hang_timeout,
        )
        if self._worker is not None:
            self._worker.place = place
        self._context = WorkerCtx(app.app, on_fail=self._fail, place=place)
        try:
            self._assemble(app, self._context)
        except DrumError as error:
            _logger.error("%s", error)
            sys.exit(CANNOT_WORK)
        return app.app

    def _options(self) -> Mapping[str, object]:
        settings = self._settings
        return {
            "bind": f"fd://{self._descriptor}",
            "backlog": settings.backlog,
            "workers": settings.workers,
            "worker_class": MappedWorker,
            "threads": settings.pending + SPARE_THREADS,
            "keepalive": settings.keep_alive,
            # A load that holds the interpreter for long is no reason to kill a worker.
            "timeout": 0,
            # The master's patience; a worker has its own, see _forked.
            "graceful_timeout": settings.drain_delay + settings.graceful_timeout + GRACE_SECONDS,
            "accesslog": None,
            **self._tls(),
            "loglevel": _level(settings.server_log_level or settings.logging_level),
            "logger_class": ServerLog,
            "forwarded_allow_ips": "",
            "control_socket_disable": True,
            "when_ready": self._ready,
            "pre_fork": lambda master, worker: master.seat(worker),
            "post_fork": self._forked,
            "post_worker_init": self._started,
            "worker_exit": self._exited,
        }

    def _tls(self) -> Mapping[str, object]:
        told, certificates = self._settings.tls, self._certificates
        if told is None or certificates is None:
            return {}
        return {
            "certfile": str(told.certfile),
            # Asked for at each connection.
            "ssl_context": lambda config, make_context: certificates.context,
            "do_handshake_on_connect": False,  # in the thread of the connection
        }

    # In the master.

    def _ready(self, arbiter: Arbiter) -> None:
        # gunicorn ends at once on SIGINT; here it drains, as on SIGTERM.
        signal.signal(signal.SIGINT, lambda number, frame: arbiter.signal(signal.SIGTERM, frame))
        if self._stopped_early:
            arbiter.signal(signal.SIGTERM, None)

    # In a worker.

    def _forked(self, arbiter: Arbiter, worker: MappedWorker) -> None:
        self._worker = worker
        if self.listener is not None:
            self.listener.close()
        answer_as_ours()
        if self._certificates is not None:
            self._around.enter_context(self._certificates.watched())
        worker.cfg.set("graceful_timeout", self._settings.graceful_timeout)

    def _started(self, worker: MappedWorker) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        if self._context is not None:
            self._context.start()
            if self._failed or not worker.alive:
                self._stop(signal.SIGTERM, None)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """A signal handler: in a thread, the stop callbacks cannot meet a lock of this one.

        It takes requests until the callbacks have run, unless it is told again.
        """
        if self._stopper is None and self._context is not None:
            self._stopper = threading.Thread(target=self._end, name="drum-stop")
            self._stopper.start()
        elif self._worker is not None:
            self._worker.handle_exit(number, frame)

    def _end(self) -> None:
        if self._context is not None:
            self._context.stop()
        if self._worker is not None:
            self._worker.handle_exit(signal.SIGTERM, None)

    def _fail(self, error: BaseException) -> None:
        if self._stopper is None:
            _logger.error("Stopping: the worker cannot serve its model (%s)", type(error).__name__)
            self._failed = True
            self._stop(signal.SIGTERM, None)

    def _exited(self, arbiter: Arbiter, worker: MappedWorker) -> None:
        if self._stopper is not None:
            self._stopper.join(self._settings.graceful_timeout)
        if self._context is not None:
            self._context.cleanup()
        self._around.close()
        if self._failed:
            sys.exit(CANNOT_WORK)


def _level(word: str) -> str:
    """gunicorn's name of a level of ours."""
    return {"all": "debug", "warn": "warning", "fatal": "critical"}.get(word, word)
