"""Runs the answers that need a slot, each as a job, for a thread or a task that waits for it."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final, TypeAlias

from drum_core.limit_errors import ClientLeftError, DeadlineExceededError
from drum_core.messages import AsyncResponse, Request, Response
from drum_core.serving.admission import Admission, Ticket
from drum_core.serving.channel import Channel, End, Item
from drum_core.serving.deadlines import Deadline
from drum_core.serving.job import Job
from drum_core.serving.job_threads import JobThreads
from drum_core.serving.overrun import Overruns

__all__ = ["JobRunner", "LastWords"]

LastWords: TypeAlias = Callable[[Exception], bytes]
"""What a stream says last when its time is over, in the form of its other chunks."""

_LOOK_SECONDS: Final = 0.5
"""How often a thread that waits for its turn looks whether its client is still there."""


class JobRunner:
    """One job, one thread, one slot: from the first byte of work to the last chunk sent."""

    def __init__(
        self, admission: Admission | None = None, overruns: Overruns | None = None
    ) -> None:
        self.admission: Admission = Admission() if admission is None else admission
        self.overruns: Overruns = (
            Overruns(self.admission.limits.running) if overruns is None else overruns
        )
        self._threads = JobThreads()

    def close(self) -> None:
        """Ends the threads; a job that still runs is waited for, 2 seconds at most."""
        self._threads.close()

    def answer(
        self,
        answer: Callable[[Request], Response],
        request: Request,
        deadline: Deadline,
        *,
        name: str,
        last_words: LastWords | None = None,
    ) -> Response:
        """What `answer` makes of `request`, in a thread of its own, while this one waits.

        Raises what it raises, and `BusyError`, `DeadlineExceededError` or `ClientLeftError`. The
        request's body is closed when the work has ended, which may be later.
        """
        waiting = self._begin(answer, request, deadline, name)
        while True:
            item = waiting.job.channel.get(waiting.patience(_LOOK_SECONDS))
            if item is not None:
                break
            waiting.check(request)
        response = _first(item)
        if isinstance(response.body, bytes):
            return response
        stream = _JobStream(waiting.job, self.overruns, last_words)
        return Response(status=response.status, headers=response.headers, body=stream)

    async def answer_async(
        self,
        answer: Callable[[Request], Response],
        request: Request,
        deadline: Deadline,
        *,
        name: str,
        last_words: LastWords | None = None,
    ) -> AsyncResponse:
        """As `answer`, while a task waits; when it is cancelled, nobody wants the answer."""
        waiting = self._begin(answer, request, deadline, name)
        try:
            while True:
                item = await waiting.job.channel.receive(waiting.patience(math.inf))
                if item is not None:
                    break
                waiting.check(request)
        except DeadlineExceededError:
            raise
        except BaseException:
            waiting.abandon()
            raise
        response = _first(item)
        if isinstance(response.body, bytes):
            return AsyncResponse(
                status=response.status, headers=response.headers, body=response.body
            )
        stream = _AsyncJobStream(waiting.job, self.overruns, last_words)
        return AsyncResponse(status=response.status, headers=response.headers, body=stream)

    def _begin(
        self,
        answer: Callable[[Request], Response],
        request: Request,
        deadline: Deadline,
        name: str,
    ) -> _Waiting:
        job = Job(
            answer, request, deadline, name=name, threads=self._threads, overruns=self.overruns
        )
        try:
            ticket = self.admission.enter(job.turn)
        except BaseException:
            job.drop()
            raise
        return _Waiting(job, ticket, self.admission, self.overruns)


class _Waiting:
    """A job that somebody waits for: first for its turn, then for its answer."""

    __slots__ = ("_admission", "_overruns", "_ticket", "job")

    def __init__(self, job: Job, ticket: Ticket, admission: Admission, overruns: Overruns) -> None:
        self.job = job
        self._ticket = ticket
        self._admission = admission
        self._overruns = overruns

    def patience(self, most: float) -> float:
        """For how many seconds to wait before the next `check`; `most` while it has no turn."""
        left = self.job.deadline.left()
        if self._ticket.waiting:
            return max(0.0, min(left, self._ticket.patience(), most))
        return left

    def check(self, request: Request) -> None:
        """Raises why it is not waited for any longer, if it is not."""
        if self.job.deadline.passed():
            self.abandon()
            raise self.job.deadline.error()
        if not self._ticket.waiting:
            return
        if self._ticket.patience() <= 0 and self._ticket.withdraw():
            self.job.drop()
            raise self._admission.overdue()
        if request.disconnected() and self._ticket.withdraw():
            self.job.drop()
            raise ClientLeftError

    def abandon(self) -> None:
        """Waits no longer: a job without a turn never runs, one that runs is left alone."""
        if self._ticket.withdraw():
            self.job.drop()
            return
        self.job.channel.leave()
        self._overruns.abandoned(self.job)


def _first(item: Item) -> Response:
    if isinstance(item, Response):
        return item
    assert isinstance(item, Exception)
    raise item


class _Reading:
    """What both kinds of stream do with the items of a job's stream."""

    def __init__(self, job: Job, overruns: Overruns, last_words: LastWords | None) -> None:
        job.deadline.advance()
        self._job = job
        self._overruns = overruns
        self._last_words = last_words
        self._over = False

    @property
    def _channel(self) -> Channel:
        return self._job.channel

    def _taken(self, item: Item | None) -> bytes | None:
        """The chunk to send, or `None` at the end. Raises why the stream is not complete."""
        if isinstance(item, bytes):
            self._job.deadline.advance()
            return item
        if isinstance(item, End) and item.error is None:
            self._over = True
            return None
        error = item.error if isinstance(item, End) else self._job.deadline.error()
        assert error is not None
        if item is None:
            self._leave()
        self._over = True
        if self._last_words is None or not isinstance(error, DeadlineExceededError):
            raise error
        return self._last_words(error)

    def _leave(self) -> None:
        if not self._over:
            self._over = True
            self._channel.leave()
            self._overruns.abandoned(self._job)


class _JobStream(_Reading):
    """A stream that is made in a job's thread and sent from another."""

    def __iter__(self) -> Iterator[bytes]:
        while not self._over:
            chunk = self._taken(self._channel.get(max(0.0, self._job.deadline.left())))
            if chunk is not None:
                yield chunk

    def close(self) -> None:
        self._leave()


class _AsyncJobStream(_Reading):
    """A stream that is made in a job's thread and sent by a task."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._over:
            left = max(0.0, self._job.deadline.left())
            chunk = self._taken(await self._channel.receive(left))
            if chunk is not None:
                return chunk
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._leave()
