"""What many latencies come to: exact percentiles, a histogram, and slices of a case."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from drum_core.results.perf_test import Latency, Slice

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["histogram", "percentile", "slices", "summary"]

SLICES: Final = 20
_BUCKETS_A_DECADE: Final = 20


def percentile(ordered: Sequence[float], part: float) -> float | None:
    """The observed value at nearest rank `ceil(part * n)`: at least `part` are not above it.

    `ordered` is ascending. `None` where no observation lies above it, so that it would say no more
    than the maximum. Nothing is interpolated or put into buckets.
    """
    count = len(ordered)
    # The small number takes back what 0.9 is more than nine tenths.
    rank = math.ceil(part * count - 1e-9)
    return ordered[rank - 1] if 0 < rank < count else None


def summary(seconds: Sequence[float]) -> Latency | None:
    """The latencies of a case; `None` of none."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    middle = percentile(ordered, 0.5)
    return Latency(
        mean=math.fsum(ordered) / len(ordered),
        min=ordered[0],
        p50=ordered[0] if middle is None else middle,
        p90=percentile(ordered, 0.9),
        p99=percentile(ordered, 0.99),
        p999=percentile(ordered, 0.999),
        max=ordered[-1],
    )


def slices(ends: Sequence[float], seconds: Sequence[float], begin: float) -> tuple[Slice, ...]:
    """Consecutive parts of a case with equally many requests, 20 or as many as there are.

    `ends` are the moments at which requests succeeded, `seconds` their latencies, `begin` the
    start of the case. Parts of equal number, not of equal time: a stall makes one part slow, it
    leaves none empty.
    """
    count = len(ends)
    parts = min(SLICES, count)
    if not parts:
        return ()
    order = sorted(range(count), key=ends.__getitem__)
    edges = [round(part * count / parts) for part in range(parts + 1)]
    found = []
    since = begin
    for first, last in pairwise(edges):
        until = ends[order[last - 1]]
        latency = summary([seconds[place] for place in order[first:last]])
        if latency is not None:
            found.append(_slice(last - first, until - since, latency))
        since = until
    return tuple(found)


def _slice(requests: int, took: float, latency: Latency) -> Slice:
    return Slice(
        requests=requests,
        rate=requests / max(took, 1e-9),
        mean=latency.mean,
        p50=latency.p50,
        p90=latency.p90,
        p99=latency.p99,
    )


def histogram(seconds: Sequence[float]) -> tuple[tuple[float, float, int], ...]:
    """Lower bound, upper bound and count of each bucket that is not empty, 20 to a decade."""
    import numpy as np

    if not seconds:
        return ()
    logs: NDArray[np.float64] = np.log10(np.maximum(np.asarray(seconds), 1e-7))
    places, counts = np.unique(np.floor(logs * _BUCKETS_A_DECADE).astype(int), return_counts=True)
    return tuple(
        (_bound(place), _bound(place + 1), count)
        for place, count in zip(places.tolist(), counts.tolist(), strict=True)
    )


def _bound(place: int) -> float:
    return float(10 ** (place / _BUCKETS_A_DECADE))
