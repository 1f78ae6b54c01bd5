"""What is noted of one request while it is answered, by whoever knows it: for logs and telemetry.

It is in the context of the request, which the model's thread has too, so that the core's parts do
not hand it around.
"""

from __future__ import annotations

import re
import time
from contextvars import ContextVar
from types import TracebackType
from typing import Final

from typing_extensions import Self

__all__ = ["RequestRecord", "Stage", "current_record", "note_error", "note_rows", "trace_of"]

_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?"
)


class RequestRecord:
    """What is known of a request. Written while it is answered, read when it has ended.

    `stages` are seconds by name, in the order they began; `error` is what became an error answer;
    `trace_id` and `span_id` are hexadecimal, empty without a trace. `began` is when the first byte
    came, by `time.monotonic`.
    """

    __slots__ = ("began", "error", "request_id", "rows", "span_id", "stages", "trace_id")

    def __init__(self, request_id: str, began: float, traceparent: str | None = None) -> None:
        self.request_id: str = request_id
        self.began: float = began
        self.error: BaseException | None = None
        self.rows: int | None = None
        self.stages: dict[str, float] = {}
        trace = trace_of(traceparent) if traceparent else ("", "")
        self.trace_id: str = trace[0]
        self.span_id: str = trace[1]

    def server_timing(self) -> str:
        """The value of the header `Server-Timing` (W3C), in milliseconds."""
        stages = tuple(self.stages.items())  # a job that outlives its request writes on
        return ", ".join(f"{name};dur={seconds * 1000:.3f}" for name, seconds in stages)


current_record: ContextVar[RequestRecord | None] = ContextVar("drum_request_record", default=None)
"""Set around everything that is done for a request, streams included."""


class Stage:
    """Times a part of the current request, in a `with` block; one that fails is timed as well."""

    __slots__ = ("_began", "_name", "_record")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> Self:
        self._record = current_record.get()
        if self._record is not None:
            self._record.stages.setdefault(self._name, 0.0)
        self._began = time.perf_counter()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._record is not None:
            self._record.stages[self._name] += time.perf_counter() - self._began


def note_error(error: BaseException) -> None:
    """The current request fails by `error`, of which its client is told something."""
    record = current_record.get()
    if record is not None:
        record.error = error


def note_rows(rows: int) -> None:
    """The current request is about so many rows."""
    record = current_record.get()
    if record is not None:
        record.rows = rows


def trace_of(traceparent: str) -> tuple[str, str]:
    """Trace and span in a header `traceparent` (W3C Trace Context); empty where it is not valid."""
    found = _TRACEPARENT.fullmatch(traceparent)
    # Version 00 has four fields; a later one may have more.
    if found is None or (found[3] is not None and traceparent.startswith("00")):
        return "", ""
    return found[1], found[2]
