"""Which cases a test has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from drum_core.errors import OptionConflictError

if TYPE_CHECKING:
    from drum_core.load_test.workload import Workload
    from drum_core.options.perf_test import PerfTestOptions
    from drum_core.results.perf_test import CaseKind

__all__ = ["Case", "planned_cases"]

_SIZES: Final = (("0.1MB", 100_000, 50), ("10MB", 10_000_000, 5), ("50MB", 50_000_000, 1))
"""DRUM's, after the one row: name, bytes, requests."""

_ONE_ROW: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What to send. `iterations` ends it after so many requests, else `duration` after seconds."""

    name: str
    kind: CaseKind
    samples: int | None
    concurrency: int | None = None
    rate: float | None = None
    iterations: int | None = None
    duration: float = 0.0

    @property
    def expected(self) -> int | None:
        """How many requests it will be, if that is known."""
        if self.iterations is None and self.rate is not None:
            return max(1, round(self.rate * self.duration))
        return self.iterations


def planned_cases(options: PerfTestOptions, workload: Workload) -> list[Case]:
    """The cases, in the order in which they run.

    Raises `OptionConflictError` for a number of samples where the input cannot be cut.
    """
    if options.samples is not None and workload.chats:
        raise OptionConflictError("--chat sends one prompt in a request: leave --samples out.")
    if options.samples is not None and not workload.lines:
        raise OptionConflictError(
            f"--samples needs an input whose rows are lines, as in CSV; {workload.name} can only "
            "be sent whole. Leave --samples out."
        )
    if options.concurrency or options.rate:
        return list(_loads(options, workload, options.concurrency))
    if options.samples is not None or options.iterations is not None:
        samples = options.samples or workload.rows
        return [_size(_named(workload, samples), samples, options.iterations or 1)]
    sizes = list(_sizes(workload))
    return [*sizes, *_loads(options, workload, options.DEFAULT_CONCURRENCY)]


def _sizes(workload: Workload) -> Iterator[Case]:
    if not workload.lines:
        yield _size(_named(workload, workload.rows), workload.rows, _ONE_ROW)
        return
    yield _size(_named(workload, 1), 1, _ONE_ROW)
    for name, size, iterations in _SIZES:
        yield _size(name, workload.samples_for(size), iterations)


def _size(name: str, samples: int | None, iterations: int) -> Case:
    return Case(name=name, kind="size", samples=samples, concurrency=1, iterations=iterations)


def _loads(
    options: PerfTestOptions, workload: Workload, concurrency: tuple[int, ...]
) -> Iterator[Case]:
    samples = (options.samples or 1) if workload.lines else workload.rows
    for clients in concurrency:
        yield Case(
            name=f"{clients} client" + ("s" if clients > 1 else ""),
            kind="concurrency",
            samples=samples,
            concurrency=clients,
            iterations=options.iterations,
            duration=options.duration,
        )
    for rate in options.rate:
        yield Case(
            name=f"{rate:g}/s",
            kind="rate",
            samples=samples,
            rate=rate,
            iterations=options.iterations,
            duration=options.duration,
        )


def _named(workload: Workload, samples: int | None) -> str:
    """About how large a request is: `310 bytes`, `12 KB`, `3.4 MB`."""
    size = len(workload.whole)
    if samples is not None and workload.lines:
        size = len(workload.header) + round(samples * workload.row_bytes)
    if size < 1024:
        return f"{size} bytes"
    if size < 1024 * 1024:
        return f"{size / 1024:.0f} KB"
    return f"{size / 1024 / 1024:.1f} MB"
