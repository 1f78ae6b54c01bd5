"""The processes that check, as the run sees them: started, asked, timed, and ended."""

from __future__ import annotations

import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drum_core.environment import environment
from drum_core.options.choices import ValidationCheck
from drum_core.validation.exchange import Reply, Step

if TYPE_CHECKING:
    from drum_core.options.validation import ValidationOptions

__all__ = ["Child", "Children", "processors"]

_CODE: Final = "from drum_core.validation.child import main\nmain()"
_STACK: Final = "most recent call first"
"""What the stack of a thread begins with; see faulthandler."""
_STACK_SECONDS: Final = 0.3
_THREADS: Final = "OMP_NUM_THREADS"
_GRACE_SECONDS: Final = 6.0
"""How long a process may take to end; the check of the server waits for its own."""


@dataclass(slots=True, eq=False)
class Child:
    """One process. `check` is what it does; `None` while it loads the model, or waits."""

    process: subprocess.Popen[bytes]
    connection: Connection
    log: Path
    code_dir: Path | None = None
    loaded: bool = False
    check: ValidationCheck | None = None
    step: Step = field(default_factory=lambda: Step("loading the model"))
    since: float = field(default_factory=time.monotonic)

    @property
    def is_idle(self) -> bool:
        """Whether it waits for something to check."""
        return self.loaded and self.check is None

    def begin(self, check: ValidationCheck) -> None:
        """Asks for a check."""
        self.check, self.since, self.step = check, time.monotonic(), Step("preparing")
        with suppress(OSError):  # that it has gone is found when it is listened to
            self.connection.send(check)

    def seconds(self) -> float:
        """How long it has been at what it does."""
        return time.monotonic() - self.since

    def reply(self) -> Reply | None:
        """What it says; `None` where it has ended."""
        try:
            reply: Reply = self.connection.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            return None
        return reply

    def how_it_ended(self) -> str:
        """The end of a sentence about the end of the process, with its last words."""
        status = self.process.wait()
        how = f"ended with status {status}"
        if status < 0:
            how = f"was ended by signal {-status}"
            with suppress(ValueError):
                how = f"was ended by {signal.Signals(-status).name}"
        return f"the process {how}.{self._place()}{self._last_words()}"

    def where_it_hangs(self) -> str:
        """A sentence about the line of the model that it is in, if it is in one."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGUSR1)  # on which it writes its stack
        time.sleep(_STACK_SECONDS)
        return self._place()

    def _place(self) -> str:
        """The innermost line of the model in the stack that was written last."""
        _, found, stack = self._said().rpartition(_STACK)
        if found and self.code_dir is not None:
            pattern = rf'File "{re.escape(str(self.code_dir))}/(.+)", line (\d+) in (\w+)'
            if place := re.search(pattern, stack):
                return f" It was at {place[1]}, line {place[2]}, in {place[3]}."
        return ""

    def _last_words(self) -> str:
        text = self._said().partition("Fatal Python error")[0].strip()
        said = "\n".join(text.splitlines()[-6:])
        return f" It said last:\n{said}" if said else ""

    def _said(self) -> str:
        return self.log.read_bytes()[-8000:].decode("utf-8", "replace")


class Children:
    """The processes of a run, `count` at a time, and their scratch folder, which goes with them."""

    def __init__(self, options: ValidationOptions, scratch: Path, count: int) -> None:
        self._scratch = scratch
        self._count = count
        self._processors = processors()
        self._code_dir = options.code_dir
        self._started = 0
        self.running: list[Child] = []
        (scratch / "options").write_bytes(pickle.dumps(options))
        (scratch / "tmp").mkdir()

    def start(self) -> Child:
        """A process that begins to load the model.

        It is in a session of its own, since Ctrl-C is for us to handle, and ends with us.
        """
        self._started += 1
        log = self._scratch / f"log-{self._started}"
        ours, theirs = socket.socketpair()
        with theirs, log.open("wb") as out:
            try:
                process = subprocess.Popen(
                    [
                        *(sys.executable, "-c", _CODE, str(os.getpid())),
                        *(str(theirs.fileno()), str(self._scratch)),
                    ],
                    env=self._environment(),
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
        child = Child(process, Connection(ours.detach()), log, self._code_dir)
        self.running.append(child)
        return child

    def end(self, child: Child) -> None:
        """Ends a process, and all that it has started."""
        self.running.remove(child)
        _ask_to_end(child)
        _end(child, time.monotonic() + _GRACE_SECONDS)

    def forget(self, child: Child) -> None:
        """Gives up a process that has ended."""
        self.running.remove(child)
        _end(child, time.monotonic())

    @contextmanager
    def ended(self) -> Iterator[None]:
        """Ends them all on the way out, also when interrupted."""
        try:
            yield
        finally:
            for child in self.running:
                _ask_to_end(child)
            until = time.monotonic() + _GRACE_SECONDS
            while self.running:
                _end(self.running.pop(), until)

    def _environment(self) -> Mapping[str, str]:
        """Ours, with temporary files where they are removed, and a fair share of the threads.

        Pools of OpenMP threads that wait for each other on one processor take a hundred times as
        long.
        """
        threads = {_THREADS: str(max(1, self._processors // self._count))}
        return {**threads, **environment(), "TMPDIR": str(self._scratch / "tmp")}


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _ask_to_end(child: Child) -> None:
    if child.process.poll() is None:
        child.process.terminate()


def _end(child: Child, until: float) -> None:
    """Waits for the process, then kills what is left of its session."""
    try:
        with suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.0, until - time.monotonic()))
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()
        child.connection.close()
