"""When two predictions are the same, and which rows are predicted twice."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from drum_core.results.report import JSON
from drum_core.training.comparison import differences, is_same, sample_places


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (1.0, 1.019, True),
        (1.0, 1.05, False),
        (0.0, 5e-7, True),
        (0.0, 2e-6, False),
        (-3, -3.0, True),
        (None, None, True),
        (None, 0.0, False),
        ("a", "a", True),
        ("a", "b", False),
        ({"yes": 0.5, "no": 0.5}, {"no": 0.501, "yes": 0.499}, True),
        ({"yes": 0.5, "no": 0.5}, {"yes": 0.6, "no": 0.4}, False),
        ({"yes": 1.0}, {"no": 1.0}, False),
    ],
)
def test_tolerances(first: JSON, second: JSON, same: bool) -> None:
    """Numbers agree to 2 % or a millionth; texts, labels and gaps exactly."""
    assert is_same(first, second) is same


def test_differences_name_their_rows() -> None:
    """A difference has the row that it is in, not its place in the sample."""
    found = differences([1.0, 2.0, 3.0, 4.0], [2.0, 9.0], [1, 3])
    assert [(item.row, item.first, item.second) for item in found] == [(3, 4.0, 9.0)]


@pytest.mark.parametrize(
    ("rows", "sampled"),
    [(1, 1), (9, 9), (10, 10), (99, 10), (250, 25), (5000, 500), (50_000, 1000)],
)
def test_sizes_of_the_sample(rows: int, sampled: int) -> None:
    """A tenth of the rows, but 10 to 1000; all of them where there are fewer; always the same."""
    frame = pd.DataFrame({"a": np.arange(rows)})
    places = sample_places(frame)
    assert len(places) == sampled
    assert places == sorted(set(places)) == sample_places(frame)


def test_sample_keeps_the_types_of_columns() -> None:
    """A column that is text for one row alone is text in the sample's CSV too."""
    mixed = ["1"] * 5000
    mixed[4321] = "x1"
    flags = ["true"] * 5000
    flags[17] = "maybe"
    frame = pd.DataFrame({"mixed": mixed, "flags": flags, "n": np.arange(5000)})
    text = frame.iloc[sample_places(frame)].to_csv(index=False)
    again = pd.read_csv(io.StringIO(text))
    whole = pd.read_csv(io.StringIO(frame.to_csv(index=False)))
    assert again.dtypes.tolist() == whole.dtypes.tolist()
