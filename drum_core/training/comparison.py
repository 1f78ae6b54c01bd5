"""Compares what a model predicted for some rows with what it predicts for them the second time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from drum_core.results.fit import Difference
from drum_core.training.rows import SEED

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from drum_core.results.report import JSON

__all__ = ["differences", "is_same", "sample_places"]

_RELATIVE: Final = 2e-2
_ABSOLUTE: Final = 1e-6

_LEAST: Final = 10
_MOST: Final = 1000
_SHARE: Final = 0.1


def sample_places(features: DataFrame) -> list[int]:
    """The rows that are predicted again, counted from 0, in order.

    As under DRUM a tenth of them, but from 10 to 1000, picked at random with a fixed seed. Of each
    column of text a row is added whose text is no number: without it, what is read from the CSV of
    the sample might be another type of column.
    """
    import numpy as np

    count = len(features)
    wanted = min(count, _MOST, max(math.ceil(count * _SHARE), _LEAST))
    places = {int(place) for place in np.random.default_rng(SEED).permutation(count)[:wanted]}
    for position in range(features.shape[1]):
        column = features.iloc[:, position]
        if column.dtype == object or str(column.dtype).startswith(("str", "category")):
            places.update(_telling(column))
    return sorted(places)


def _telling(column: Series) -> list[int]:
    """The place of the first value that can be nothing but a text; empty where there is none."""
    import pandas as pd

    texts = column.astype(object)
    numbers = pd.to_numeric(texts, errors="coerce")
    words = texts.map(lambda value: str(value).lower() in ("true", "false"))
    telling = (numbers.isna() & texts.notna() & ~words.astype(bool)).to_numpy()
    return [int(telling.argmax())] if telling.any() else []


def differences(
    first: Sequence[JSON], second: Sequence[JSON], places: Sequence[int]
) -> list[Difference]:
    """The rows at `places` whose first and second prediction are not the same."""
    return [
        Difference(row=place, first=first[place], second=again)
        for place, again in zip(places, second, strict=True)
        if not is_same(first[place], again)
    ]


def is_same(first: JSON, second: JSON) -> bool:
    """Whether two predictions agree; numbers to 2e-2 relative and 1e-6 absolute, as under DRUM."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(
            is_same(first[name], second[name]) for name in first
        )
    if _is_number(first) and _is_number(second):
        return _close(float(str(first)), float(str(second)))
    return first == second


def _is_number(value: JSON) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _close(first: float, second: float) -> bool:
    return abs(first - second) <= _ABSOLUTE + _RELATIVE * abs(second)
