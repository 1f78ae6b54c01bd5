"""What a server can do, as the table of routes lists it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from drum_core.messages import AsyncResponse, Request, Response, RoutePolicy
from drum_core.serving.errors import answer_to
from drum_core.serving.job_runner import LastWords
from drum_core.serving.openapi.operation import Operation

__all__ = ["Answer", "AsyncAnswer", "Endpoint"]

Answer: TypeAlias = Callable[[Request], Response]
"""Like a `Handler`, but it may raise."""

AsyncAnswer: TypeAlias = Callable[[Request], Awaitable[AsyncResponse]]
"""Like what an `AsyncHandler` returns, but it may raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One thing the server can do, and the paths at which it does it.

    `async_answer` is used instead of `answer`, without a thread, whenever `on_loop` says so, on
    the running loop. `concurrent` says that answers may be made at the same time as any other, so
    that they need no slot. `error_answer` makes a response of what either raises, `last_words` the
    end of a stream that takes too long. `template` is the path that telemetry knows it by, the
    second one if it is empty. `operation` describes it, where the table of operations does not.
    """

    name: str
    paths: tuple[str, ...]
    answer: Answer
    policy: RoutePolicy
    method: str = "GET"
    also: tuple[str, ...] = ()
    async_answer: AsyncAnswer | None = None
    on_loop: Callable[[], bool] = field(default=lambda: False)
    concurrent: Callable[[], bool] = field(default=lambda: False)
    error_answer: Callable[[Exception], Response] = answer_to
    last_words: LastWords | None = None
    operation: Operation | None = None
    template: str = ""

    @property
    def route(self) -> str:
        """The path that stands for all of them in logs and telemetry."""
        return self.template or self.paths[min(1, len(self.paths) - 1)]

    @property
    def takes_time(self) -> bool:
        """Whether an answer may take long, so that it has a deadline."""
        return self.policy in (RoutePolicy.PREDICT, RoutePolicy.STREAM, RoutePolicy.PROXY)

    def in_job(self) -> bool:
        """Whether an answer is the work of a job, which holds a slot."""
        runs_model = self.policy in (RoutePolicy.PREDICT, RoutePolicy.STREAM)
        return runs_model and not self.concurrent()

    @property
    def methods(self) -> tuple[str, ...]:
        """All methods of its paths: HEAD where GET is, and OPTIONS."""
        head = ("HEAD",) if self.method == "GET" else ()
        return (self.method, *head, *self.also, "OPTIONS")
