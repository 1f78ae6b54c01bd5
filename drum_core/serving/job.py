"""One request's work: it runs once, in one thread, and speaks through a channel."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from drum_core.errors import HookFailedError
from drum_core.limit_errors import BusyError, ClientLeftError
from drum_core.messages import ByteStream, Request, Response
from drum_core.request_record import current_record
from drum_core.serving.admission import Slot
from drum_core.serving.channel import Channel
from drum_core.serving.deadlines import Deadline
from drum_core.serving.job_threads import JobThreads
from drum_core.serving.request_id import current_request_id
from drum_core.time_left import time_left

if TYPE_CHECKING:
    from drum_core.serving.overrun import Overruns

__all__ = ["Job"]

_logger = logging.getLogger(__name__)


class Job:
    """The work of one request, in the context of whoever made it.

    It owns the request's body from the moment its turn has come, and closes it at its end, however
    late that is. `gone` is what the work can ask: whether anybody still wants the answer.
    """

    __slots__ = (
        "_answer",
        "_came",
        "_context",
        "_overruns",
        "_record",
        "_request",
        "_threads",
        "began",
        "channel",
        "deadline",
        "ended",
        "name",
        "request_id",
        "thread_id",
    )

    def __init__(
        self,
        answer: Callable[[Request], Response],
        request: Request,
        deadline: Deadline,
        *,
        name: str,
        threads: JobThreads,
        overruns: Overruns,
    ) -> None:
        self._answer = answer
        self._request = request
        self._threads = threads
        self._overruns = overruns
        self._context = contextvars.copy_context()
        self._record = current_record.get()
        self._came = time.monotonic()
        self.name: str = name
        self.request_id: str = current_request_id.get()
        self.deadline: Deadline = deadline
        self.channel: Channel = Channel()
        self.thread_id: int | None = None
        self.began: float = 0.0
        self.ended: bool = False

    def gone(self) -> bool:
        """Whether the answer is of no use any more: its client has left, or its time is over."""
        return self.channel.left or self.deadline.passed() or self._request.disconnected()

    def turn(self, slot: Slot) -> bool:
        """Begins, unless nobody wants it any more: a `Turn` of admission."""
        if self.deadline.passed():
            self._drop(self.deadline.error())
        elif self._request.disconnected():
            self._drop(ClientLeftError())
        else:
            try:
                self._threads.start(self._run, slot.release)
            except RuntimeError as error:
                self._drop(BusyError(f"This worker cannot run another job: {error}."))
            else:
                return True
        return False

    def drop(self) -> None:
        """It never runs: gives the body back, and is no overrun, whoever left it before."""
        self._request.body.close()
        self._overruns.ended(self)

    def _drop(self, error: Exception) -> None:
        self.drop()
        self.channel.put(error)

    def _run(self) -> None:
        self.thread_id = threading.get_ident()
        self.began = time.monotonic()
        if self._record is not None:
            self._record.stages["queue"] = self.began - self._came
        try:
            self._context.run(self._work)
        finally:
            self._request.body.close()
            self._overruns.ended(self)

    def _work(self) -> None:
        time_left.set(self.deadline.left_of_server)  # in the context of this job only
        try:
            response = self._answer(replace(self._request, disconnected=self.gone))
        except BaseException as error:
            self.channel.put(_answerable(error))
            return
        wanted = self.channel.put(response)
        if not isinstance(response.body, bytes):
            self._stream(response.body, wanted=wanted)

    def _stream(self, chunks: ByteStream, *, wanted: bool) -> None:
        """Sends the chunks while they are wanted; closes the stream before it says the end."""
        patience = self.deadline.left
        failed: Exception | None = None
        try:
            if wanted and not all(self.channel.put_chunk(chunk, patience) for chunk in chunks):
                failed = self.deadline.error()
        except BaseException as error:
            failed = _answerable(error)
        try:
            chunks.close()
        except BaseException:  # user code may raise anything; the slot must be given back
            _logger.exception("a response stream could not be closed")
        self.channel.put_end(failed, patience)


def _answerable(error: BaseException) -> Exception:
    """What user code raised; `SystemExit` and its like end its own work, and no thread of ours."""
    return error if isinstance(error, Exception) else HookFailedError("The model", error)
