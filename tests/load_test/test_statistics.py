"""Percentiles, slices and histograms, against what NumPy says and what can be counted."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drum_core.load_test.statistics import histogram, percentile, slices, summary

seconds = st.floats(min_value=1e-5, max_value=100)


@given(st.lists(seconds, min_size=1, max_size=300), st.sampled_from([0.5, 0.9, 0.99, 0.999]))
def test_percentiles_are_exact(values: list[float], part: float) -> None:
    """A percentile is the observed value that NumPy's inverted distribution gives, or absent."""
    ordered = sorted(values)
    found = percentile(ordered, part)
    expected = float(np.percentile(ordered, part * 100, method="inverted_cdf"))
    if found is None:
        assert expected == ordered[-1]
    else:
        assert found == expected


@pytest.mark.parametrize(("count", "absent"), [(9, 0.9), (99, 0.99), (999, 0.999)])
def test_percentile_that_would_be_the_maximum_is_left_out(count: int, absent: float) -> None:
    """It takes one more request than that for a percentile to say anything new."""
    values = [float(number) for number in range(count)]
    assert percentile(values, absent) is None
    assert percentile([*values, 1e6], absent) == values[-1]


def test_summary_of_nothing() -> None:
    """No request, no latency; one request is its own median."""
    assert summary([]) is None
    one = summary([0.25])
    assert one is not None
    assert (one.min, one.mean, one.p50, one.max) == (0.25, 0.25, 0.25, 0.25)
    assert (one.p90, one.p99, one.p999) == (None, None, None)


@given(st.lists(st.tuples(seconds, seconds), min_size=1, max_size=200))
def test_slices_share_the_requests_out(pairs: list[tuple[float, float]]) -> None:
    """Each request is in one slice, and no slice is empty or much larger than another."""
    ends = [end for end, _ in pairs]
    latencies = [latency for _, latency in pairs]
    found = slices(ends, latencies, 0.0)
    counts = [part.requests for part in found]
    assert sum(counts) == len(pairs)
    assert len(found) == min(20, len(pairs))
    assert min(counts) >= 1
    assert max(counts) - min(counts) <= 1


def test_rate_of_a_slice_counts_from_the_slice_before() -> None:
    """Forty requests, one each half second, are twenty slices of two a second."""
    ends = [10 + 0.5 * number for number in range(1, 41)]
    found = slices(ends, [0.1] * 40, 10.0)
    assert [part.rate for part in found] == pytest.approx([2.0] * 20)


@given(st.lists(seconds, max_size=200))
def test_histogram_counts_everything_once(values: list[float]) -> None:
    """The counts of the buckets are the number of latencies, and the buckets do not overlap."""
    found = histogram(values)
    assert sum(count for _, _, count in found) == len(values)
    for (_, high, _), (low, _, _) in pairwise(found):
        assert high <= low * (1 + 1e-12)
