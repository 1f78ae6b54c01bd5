"""The check of memory: a thousand requests leave the process as large as it was."""

from __future__ import annotations

import ctypes
import gc
import time
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import combinations, pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from drum_core.data.predictions import probabilities_as_they_are
from drum_core.errors import DrumError, UserHTTPError
from drum_core.results.validation import Finding
from drum_core.validation.exchange import Step, Verdict
from drum_core.validation.session import Failure, NotApplicable, Request, Session, answer
from drum_core.validation.verdicts import failed, passed

if TYPE_CHECKING:
    from drum_core.validation.session import Subject

__all__ = ["memory"]

_WARM_UP: Final = 100
_REQUESTS: Final = 900
_FEWEST: Final = 200
_POINTS: Final = 10
_TRACED: Final = 100
_FEWEST_TRACED: Final = 20
"""A half of what is traced, at least: fewer requests tell no habit from a coincidence."""
_LOCATED: Final = 20
_DIFFERENT: Final = 50
"""Rows that are asked about, in turn: a cache of answers is full after the warm-up."""

RESIDENT_PER_REQUEST: Final = 8 * 1024
"""Bytes of the process, a request. An allocator that splits its memory makes some, and comes to
an end; eight megabytes after a thousand requests, still going up, are none of that."""

TRACED_PER_REQUEST: Final = 512
"""Bytes of Python objects, a request: counted exactly, so that a small leak is found. A counter
or a list of times does not reach it."""


def memory(session: Session) -> Verdict:
    """Answers one row a thousand times, and looks at the process and at Python's objects."""
    session.base()
    requests = _requests(session)
    session.tell(Step("requests of one row, to warm up"))
    began = time.perf_counter()
    warm = _run(session, requests, _WARM_UP)
    each = (time.perf_counter() - began) / warm
    budget = 0.3 * session.subject.options.timeout
    count = min(_REQUESTS, int(budget / max(each, 1e-9)))
    if count < _FEWEST:
        raise NotApplicable(
            f"A request takes {each:.2g} s: {_FEWEST} of them, the least that tell anything, do "
            f"not fit into the time limit of {session.subject.options.timeout} s."
        )
    session.tell(Step(f"{count} requests of one row"))
    sizes = _sizes(session, requests, count)
    slope = _slope(sizes) / (count / _POINTS)
    grown = sizes[-1] - sizes[0]
    session.tell(Step("requests of one row, with Python's memory traced"))
    traced = _traced(session, requests, min(_TRACED, count))
    findings = []
    if slope >= RESIDENT_PER_REQUEST and _goes_on(sizes):
        message = f"The process grew by {_size(grown)} in {count} requests, and goes on growing."
        findings.append(Finding(message=message))
    if traced is not None and traced >= TRACED_PER_REQUEST:
        where = _where(session, requests, _LOCATED)
        text = f" Most of it is allocated in {where}." if where else ""
        message = f"Each request leaves {_size(traced)} of Python objects behind.{text}"
        findings.append(Finding(message=message))
    if findings:
        return failed("Memory grows with each request.", findings)
    if traced is None:
        raise NotApplicable(
            f"The time limit of {session.subject.options.timeout} s left no time to count Python's "
            "objects over enough requests: give more with --timeout."
        )
    return passed(
        f"{_WARM_UP + count} requests: at the end the process is {_size(abs(grown))} "
        f"{_than(grown)} than after the first {_WARM_UP}."
    )


def _requests(session: Session) -> Sequence[Request]:
    """Requests of one row each; where a row alone is not answered, all rows."""
    table = session.subject.sample
    if table is None or isinstance(session.try_cells(table.cells.iloc[:1], "one row"), Failure):
        return [session.request()]
    rows = range(min(len(table.cells), _DIFFERENT))
    return [table.encode(table.cells.iloc[row : row + 1]) for row in rows]


def _run(session: Session, requests: Sequence[Request], count: int) -> int:
    """Asks so many times, while there is time; gives how often it has asked."""
    done = 0
    for number in range(count):
        _ask(session.subject, requests[number % len(requests)])
        done += 1
        if done >= 3 and not session.more_time():
            break
    return done


def _ask(subject: Subject, request: Request) -> None:
    with probabilities_as_they_are(), suppress(DrumError, UserHTTPError):
        answer(subject, request)


def _sizes(session: Session, requests: Sequence[Request], count: int) -> list[int]:
    """The size of the process, at the beginning and after each tenth of the requests."""
    import psutil

    process = psutil.Process()
    trim = _trimmer()
    sizes = []
    for point in range(_POINTS + 1):
        if point:
            _run(session, requests, count // _POINTS)
        gc.collect()
        trim()
        sizes.append(int(process.memory_info().rss))
    return sizes


def _slope(sizes: Sequence[int]) -> float:
    """Bytes from one point to the next: the median over all pairs, which one jump does not move.

    This is the estimator of Theil and Sen.
    """
    pairs = combinations(enumerate(sizes), 2)
    return median((later - sooner) / (right - left) for (left, sooner), (right, later) in pairs)


def _goes_on(sizes: Sequence[int]) -> bool:
    """Whether it grew in most of the last half, as much as before."""
    half = len(sizes) // 2
    late = sizes[half:]
    ups = sum(later > sooner for sooner, later in pairwise(late))
    return ups >= len(late) - 2 and late[-1] - late[0] >= 0.25 * (sizes[-1] - sizes[0])


def _traced(session: Session, requests: Sequence[Request], count: int) -> float | None:
    """Bytes of Python objects that a request leaves behind; of two halves, the smaller.

    `None` where the time did not suffice for two halves that tell something.
    """
    tracemalloc.start(1)
    try:
        _run(session, requests, min(count, len(requests)))
        gc.collect()
        halves = []
        sooner = tracemalloc.get_traced_memory()[0]
        for _ in range(2):
            done = _run(session, requests, count // 2)
            gc.collect()
            later = tracemalloc.get_traced_memory()[0]
            if done < _FEWEST_TRACED:
                return None
            halves.append((later - sooner) / done)
            sooner = later
    finally:
        tracemalloc.stop()
    return min(halves)


def _where(session: Session, requests: Sequence[Request], count: int) -> str:
    """The line of the folder under which most memory is allocated and kept, if there is one.

    It takes much longer than counting alone: each allocation is kept with its traceback.
    """
    tracemalloc.start(25)
    try:
        _run(session, requests, 2)
        sooner = tracemalloc.take_snapshot()
        _run(session, requests, count)
        gc.collect()
        later = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    return _busiest(sooner, later, str(session.subject.options.code_dir))


def _busiest(sooner: tracemalloc.Snapshot, later: tracemalloc.Snapshot, folder: str) -> str:
    """The line of the folder under which most memory was allocated and kept."""
    kept: dict[str, int] = {}
    for entry in later.compare_to(sooner, "traceback"):
        for frame in reversed(entry.traceback):  # the innermost comes first
            if frame.filename.startswith(folder):
                place = f"{Path(frame.filename).name}, line {frame.lineno}"
                kept[place] = kept.get(place, 0) + entry.size_diff
                break
    place, size = max(kept.items(), key=lambda item: item[1], default=("", 0))
    return place if size > 0 else ""


def _trimmer() -> Callable[[], object]:
    """What gives free memory back to the system, so that it is not taken for used; glibc alone."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return lambda: None
    return lambda: trim(0)


def _size(count: float) -> str:
    if count >= 1024 * 1024:
        return f"{count / 1024 / 1024:.1f} MB"
    return f"{count / 1024:.1f} KB"


def _than(grown: int) -> str:
    return "larger" if grown >= 0 else "smaller"
