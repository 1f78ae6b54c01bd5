"""The worker's side of the process of a model: started, watched, ended at a deadline, replaced."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import pickle
import subprocess
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from drum_core.errors import NotReadyError
from drum_core.isolation.errors import ModelProcessError
from drum_core.isolation.life import Active, Life, begin_life, unpacked
from drum_core.isolation.messages import Answered, Failed, Loaded, Stop
from drum_core.limit_errors import DeadlineExceededError
from drum_core.monitoring.memory import out_of_memory_kills
from drum_core.process_end import ended_by

if TYPE_CHECKING:
    from drum_core.options.server import ServerOptions

__all__ = ["ModelProcess"]

_logger = logging.getLogger("drum.server")

_LOOK_SECONDS: Final = 0.1
"""How late a process may be ended after a deadline."""
_QUICK_SECONDS: Final = 30.0
_LONGEST_DELAY: Final = 30.0
_GRACE_SECONDS: Final = 5.0


class ModelProcess:
    """A process with a model, and the next one when it has died; thread-safe.

    It does one call at a time. `on_pause` is told when there is none that is ready, and when there
    is again. A thread of its own starts and watches the processes: the deadline of a call holds
    also where the process does not even read.
    """

    def __init__(
        self, options: ServerOptions, *, on_pause: Callable[[bool], object] = lambda paused: None
    ) -> None:
        self._options = options
        self._on_pause = on_pause
        self._turn = threading.Lock()
        self._change = threading.Condition()
        self._stop = threading.Event()
        self._life: Life | None = None
        self._loaded: Loaded | None = None
        self._failed: Exception | None = None
        self._active: Active | None = None
        self._last_id = ""
        self._calls = 0
        self._deaths = 0
        self._quick = 0
        self._keeper = threading.Thread(target=self._keep, name="drum-isolate", daemon=True)

    def load(self) -> Loaded:
        """Starts the first process; what its model can do. Raises why it cannot be loaded."""
        self._keeper.start()
        with self._change:
            self._change.wait_for(lambda: self._loaded or self._failed or self._stop.is_set())
            if self._failed is not None:
                raise self._failed
            if self._loaded is None:
                raise NotReadyError("The server is shutting down.")
            return self._loaded

    def reason(self) -> str | None:
        """Why no requests should come; `None` while they should."""
        if self._loaded is None or self._life is not None:
            return None
        return "The process of the model has ended, and is being started anew."

    def close(self) -> None:
        """Ends the process: it gives back what it holds, or is killed after 5 seconds."""
        self._stop.set()
        with self._change:
            self._change.notify_all()
        if self._keeper.ident is not None:
            self._keeper.join(2 * _GRACE_SECONDS)

    # For a call: begin, ask as often as it takes, end.

    def begin(self, request_id: str, left: Callable[[], float]) -> Active:
        """Takes the process for a call, once it is there and free; `end` gives it back.

        Raises `DeadlineExceededError`, and `NotReadyError` at the end of the worker.
        """
        started = time.monotonic()
        while not self._turn.acquire(timeout=_patience(left())):
            _check(left, started)
        try:
            with self._change:
                while not self._is_there() and not self._stop.is_set():
                    _check(left, started)
                    self._change.wait(_patience(left()))
                if self._life is None:
                    raise NotReadyError("The server is shutting down.")
                self._calls += 1
                self._last_id = request_id
                self._active = Active(self._life, self._calls, request_id, left, started)
                return self._active
        except BaseException:
            self._turn.release()
            raise

    def ask(
        self, active: Active, message: object, *, waiting: Callable[[], object] | None = None
    ) -> object:
        """The answer to a message. `waiting` is called again and again until it comes.

        Raises what was raised there; `ModelProcessError` when the process dies,
        `DeadlineExceededError` when it is ended because the time of the call is over.
        """
        life = active.life
        try:
            life.pipe.send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))
            while waiting is not None and not life.pipe.poll(2 * _LOOK_SECONDS):
                waiting()
            data = life.pipe.recv_bytes()
        except (EOFError, OSError):
            raise self._death(active) from None
        answer = unpacked(data)
        if isinstance(answer, Answered):
            life.answered += 1
            life.peak_memory = answer.peak_memory
        if isinstance(answer, Failed):
            raise answer.error.restored()
        return answer

    def tell(self, active: Active, message: object) -> None:
        """Sends what has no answer, while the call waits for its own; from the thread of both."""
        with contextlib.suppress(OSError):
            active.life.pipe.send_bytes(pickle.dumps(message))

    def end(self, active: Active) -> None:
        """The call is over; nothing happens when it has been said already."""
        with self._change:
            if self._active is not active:
                return
            self._active = None
            self._change.notify_all()
        self._turn.release()

    def _is_there(self) -> bool:
        return self._life is not None and self._life.process.poll() is None

    def _death(self, active: Active) -> Exception:
        """What is raised for a call whose process is gone: no other call may get it."""
        with self._change:
            active.life.victim = active
            if self._life is active.life:
                self._life = None
        code, life = None, active.life
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = life.process.wait(_GRACE_SECONDS)
        if active.late:
            seconds = time.monotonic() - active.began
            return DeadlineExceededError(
                f"The answer was not there after {seconds:.1f} s. The process of the model was "
                "ended, and is started anew.",
                seconds=seconds,
            )
        kills, before = out_of_memory_kills(), life.memory_kills
        memory = kills is not None and before is not None and kills > before
        return ModelProcessError(ended_by(code), out_of_memory=memory)

    # The thread that starts and watches.

    def _keep(self) -> None:
        while not self._stop.is_set():
            try:
                life = self._begun()
            except Exception as error:
                if self._loaded is None:
                    self._failed = error
                    self._notify()
                    return
                if not self._stop.is_set():
                    _logger.error("the model could not be loaded again: %s", error)
                    self._quick += 1
                    self._stop.wait(self._delay())
                continue
            self._watch(life)
            self._gone(life)

    def _begun(self) -> Life:
        """A process whose model is loaded."""
        life, loaded = begin_life(self._options, self._stop.is_set)
        with self._change:
            self._loaded, self._life = loaded, life
            self._change.notify_all()
        self._on_pause(False)
        return life

    def _watch(self, life: Life) -> None:
        """Until the process has ended, of itself or by us."""
        while life.process.poll() is None:
            if self._stop.wait(_LOOK_SECONDS):
                self._dismiss(life)
                return
            with self._change:
                active = self._active
                late = active is not None and not active.late and active.left() <= 0
                if active is not None and late:
                    active.late = True
            if late:
                life.process.kill()

    def _dismiss(self, life: Life) -> None:
        if self._active is None:
            with contextlib.suppress(OSError):
                life.pipe.send_bytes(pickle.dumps(Stop()))
            with contextlib.suppress(subprocess.TimeoutExpired):
                life.process.wait(_GRACE_SECONDS)
        life.process.kill()
        life.process.wait()

    def _gone(self, life: Life) -> None:
        with self._change:
            active, self._life = self._active or life.victim, None
        life.cut()
        if not self._stop.is_set():
            self._on_pause(True)
            self._deaths += 1
            told = life.death(active, last_id=self._last_id, deaths=self._deaths)
            _logger.error("%s", json.dumps(told))
            quick = time.time() - life.born < _QUICK_SECONDS and not (active and active.late)
            self._quick = self._quick + 1 if quick else 0
            self._stop.wait(self._delay())
        with self._change:
            if self._change.wait_for(lambda: self._active is None, _GRACE_SECONDS):
                life.pipe.close()
            self._change.notify_all()

    def _delay(self) -> float:
        """Seconds before the next start: none for one death, then ever more."""
        return min(_LONGEST_DELAY, 0.25 * 2.0**self._quick) if self._quick > 1 else 0.0

    def _notify(self) -> None:
        with self._change:
            self._change.notify_all()


def _patience(left: float) -> float:
    return max(0.0, min(left, 1.0))


def _check(left: Callable[[], float], started: float) -> None:
    if left() <= 0 and left() != math.inf:
        seconds = time.monotonic() - started
        raise DeadlineExceededError(
            f"The answer was not ready after {seconds:.1f} s: the process of the model was not.",
            seconds=seconds,
        )
