"""Until when an answer must be there: the server's times for each kind of route, and the client's.

The clock of a whole answer runs from the moment its request has come whole, so that a slow upload
takes nothing from the model; a client's own deadline counts from the first byte of its request.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from drum_core.errors import MalformedRequestError
from drum_core.limit_errors import DeadlineExceededError
from drum_core.messages import Request, RoutePolicy

__all__ = ["TIMEOUT_HEADER", "Deadline", "Deadlines", "Timeouts"]

TIMEOUT_HEADER: Final = "X-Request-Timeout"
"""How many seconds the client waits for the end of the answer, as a decimal number."""

FOREVER: Final = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long the parts of an answer may take, in seconds; `inf` is for ever.

    `answer` until it begins, a whole one until it is complete; then `idle` between two parts of a
    stream, and `total` from the beginning of the work to the end of the stream.
    """

    answer: float = FOREVER
    idle: float = FOREVER
    total: float = FOREVER
    setting: str = ""
    """What sets all three, where one does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """The times of each kind of route; probes and management have none."""

    predict: Timeouts = field(default_factory=Timeouts)
    stream: Timeouts = field(default_factory=Timeouts)
    proxy: Timeouts = field(default_factory=Timeouts)

    def begin(
        self, policy: RoutePolicy, request: Request, clock: Callable[[], float] = time.monotonic
    ) -> Deadline:
        """The deadline of a request whose work begins now.

        Raises `MalformedRequestError` when what the client says of it is no number of seconds.
        """
        timeouts = self._of(policy)
        asked = _asked(request)
        until = FOREVER if asked is None else request.body.began + asked
        return Deadline(timeouts, clock, asked=asked or 0.0, asked_until=until)

    def _of(self, policy: RoutePolicy) -> Timeouts:
        match policy:
            case RoutePolicy.PREDICT:
                return self.predict
            case RoutePolicy.STREAM:
                return self.stream
            case RoutePolicy.PROXY:
                return self.proxy
            case _:
                return Timeouts()


class Deadline:
    """Until when the next part of one answer must be there; `advance` when it is."""

    __slots__ = ("_asked", "_asked_until", "_began", "_clock", "_streams", "_timeouts", "_until")

    def __init__(
        self,
        timeouts: Timeouts,
        clock: Callable[[], float],
        *,
        asked: float = 0.0,
        asked_until: float = FOREVER,
    ) -> None:
        self._timeouts = timeouts
        self._clock = clock
        self._asked = asked
        self._asked_until = asked_until
        self._began = clock()
        self._until = self._began + timeouts.answer
        self._streams = False

    def advance(self) -> None:
        """A part of a stream is there: the next has its own time."""
        self._streams = True
        timeouts = self._timeouts
        self._until = min(self._clock() + timeouts.idle, self._began + timeouts.total)

    def left(self) -> float:
        """Seconds until it has passed, by the server or by the client; negative afterwards."""
        return min(self._until, self._asked_until) - self._clock()

    def passed(self) -> bool:
        """Whether it has passed, by the server or by the client."""
        return self.left() <= 0

    def left_of_server(self) -> float:
        """As `left`, by the server alone: what a client asked for makes no job an overrun."""
        return self._until - self._clock()

    def error(self) -> DeadlineExceededError:
        """What is answered when it has passed."""
        timeouts = self._timeouts
        if self._asked_until < self._until:
            text = f"The answer was not complete within the {self._asked:g} s of {TIMEOUT_HEADER}."
            return DeadlineExceededError(text, seconds=self._asked)
        if not self._streams:
            seconds, what, setting = timeouts.answer, "was not ready", "--request-timeout"
        elif self._until < self._began + timeouts.total:
            seconds, what, setting = timeouts.idle, "did not go on", "--stream-idle-timeout"
        else:
            seconds, what, setting = timeouts.total, "did not end", "--stream-timeout"
        setting = timeouts.setting or setting
        text = f"The answer {what} within {seconds:g} s, as {setting} of this server says."
        return DeadlineExceededError(text, seconds=seconds)


def _asked(request: Request) -> float | None:
    text = request.headers.get(TIMEOUT_HEADER)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < FOREVER:
        raise MalformedRequestError(
            f"The header {TIMEOUT_HEADER} must be a number of seconds above 0, such as 2.5; "
            f"got {text!r}."
        )
    return seconds
