"""One process of a model, from its start to what is told of its death."""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Final

from drum_core.errors import NotReadyError, PredictionError
from drum_core.isolation.messages import Failed, Loaded, Start
from drum_core.monitoring.memory import out_of_memory_kills
from drum_core.own_process import start_python
from drum_core.process_end import ended_by, signal_name

if TYPE_CHECKING:
    from drum_core.options.server import ServerOptions

__all__ = ["Active", "Life", "begin_life", "unpacked"]

_LOOK_SECONDS: Final = 0.1
_GRACE_SECONDS: Final = 5.0
_MAIN: Final = "drum_core.isolation.child:main"


@dataclass(slots=True)
class Life:
    """A process, and the worker's end of the pipe to it. Times are seconds since the epoch."""

    process: subprocess.Popen[bytes]
    pipe: Connection
    born: float
    answered: int = 0
    peak_memory: int = 0
    memory_kills: int | None = None
    victim: Active | None = None
    """The call that it died of."""

    def cut(self) -> None:
        """Wakes whoever reads or writes, also where a grandchild holds the other end."""
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self.pipe.fileno())) as end:
            end.shutdown(socket.SHUT_RDWR)

    def death(self, active: Active | None, *, last_id: str, deaths: int) -> Mapping[str, object]:
        """What the log has to say of its end, with the names of what is said of a worker's."""
        code, kills = self.process.returncode, out_of_memory_kills()
        known = kills is not None and self.memory_kills is not None
        return {
            "event": "model_process_died",
            "pid": self.process.pid,
            "worker_pid": os.getpid(),
            "ended_by": ended_by(code),
            "signal": signal_name(-code) if code < 0 else None,
            "exit_status": code if code >= 0 else None,
            "deadline_passed": bool(active and active.late),
            "out_of_memory_kills": (kills or 0) - (self.memory_kills or 0) if known else None,
            "last_request_id": last_id or None,
            "running_requests": int(active is not None),
            "answered_requests": self.answered,
            "peak_memory_bytes": self.peak_memory,
            "uptime_seconds": round(max(0.0, time.time() - self.born), 3),
            "deaths": deaths,
        }


@dataclass(slots=True)
class Active:
    """The call that a process is busy with. `left` gives the seconds that it still has."""

    life: Life
    number: int
    request_id: str
    left: Callable[[], float]
    began: float
    late: bool = False


def begin_life(options: ServerOptions, stopped: Callable[[], bool]) -> tuple[Life, Loaded]:
    """Starts a process and waits until its model is loaded, unless it is `stopped` before.

    Raises what loading the model raises there, and `NotReadyError`; then the process has ended.
    """
    ours, theirs = Pipe()
    life = None
    try:
        with theirs:
            process = start_python(_MAIN, (theirs.fileno(), os.getpid()), [theirs.fileno()])
        life = Life(process, ours, time.time(), memory_kills=out_of_memory_kills())
        return life, _first_word(life, options, stopped)
    except BaseException:
        if life is not None:
            life.process.kill()
            life.process.wait()
        ours.close()
        raise


def _first_word(life: Life, options: ServerOptions, stopped: Callable[[], bool]) -> Loaded:
    try:
        life.pipe.send_bytes(pickle.dumps(Start(options)))
        while not life.pipe.poll(_LOOK_SECONDS):
            if stopped():
                raise NotReadyError("The server is shutting down.")
            if life.process.poll() is not None and not life.pipe.poll(0):
                raise EOFError
        answer = unpacked(life.pipe.recv_bytes())
    except (EOFError, OSError):
        code = life.process.wait(_GRACE_SECONDS)
        raise NotReadyError(
            f"The process of the model {ended_by(code)} while it loaded the model."
        ) from None
    if isinstance(answer, Failed):
        raise answer.error.restored()
    assert isinstance(answer, Loaded)
    return answer


def unpacked(data: bytes) -> object:
    """A message of the process. Raises `PredictionError` for one that cannot be read here."""
    try:
        return pickle.loads(data)
    except Exception as error:  # a class of the model's own code, which is not known here
        raise PredictionError(
            "The answer of the model cannot leave its process, because it holds objects of a class "
            f"that only the model knows ({error}). Return plain values, or serve the model without "
            "--isolate."
        ) from error
