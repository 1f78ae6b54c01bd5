"""When two answers are the same: as far as floating-point arithmetic can promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

__all__ = [
    "OTHER_SHAPE",
    "SAME_REQUEST",
    "Gap",
    "Noise",
    "described",
    "gaps",
    "noise",
    "rows_of",
    "shown",
]

SAME_REQUEST: Final = 1e-6
"""Relative difference between two answers to one request: some ten units in the last place of a
float32. Threads that add in another order make that much."""

OTHER_SHAPE: Final = 1e-4
"""Relative difference for a row among other rows. A BLAS adds in another order for a matrix than
for a vector; over n terms that makes up to n * eps, and for float32 with a thousand terms 1e-4."""

_HALF: Final = 1e-2
"""The same where the predictions are of float16, whose eps is 1e-3."""

_NOISE_FACTOR: Final = 5.0
"""How much further than answers to one request differ a difference has to be to mean anything."""

Noise: TypeAlias = Mapping[str, float]
"""For each column, how far answers to one request were apart; infinite for texts that differ."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A cell in which two answers differ. `place` is the row in the first of them."""

    place: int
    column: str
    first: object
    second: object


def gaps(
    first: DataFrame, second: DataFrame, relative: float, known: Noise | None = None
) -> list[Gap]:
    """The cells that differ by more than rounding, and by more than what is known as noise.

    Relative to the largest of both values and of the column: where terms cancel each other, the
    rounding of the large ones stays. The tables have the same columns and as many rows.
    """
    found = []
    for number, column in enumerate(first.columns):  # of which two may have one name
        one, two = first.iloc[:, number], second.iloc[:, number]
        apart = _distance(one, two)
        allowed = _scale(one, two) * (_HALF if one.dtype == np.float16 else relative)
        allowed = allowed + _NOISE_FACTOR * (known or {}).get(str(column), 0.0)
        found += [
            Gap(int(place), str(column), one.iloc[place], two.iloc[place])
            for place in np.flatnonzero(apart > allowed)
        ]
    return sorted(found, key=lambda gap: gap.place)


def noise(answers: Sequence[DataFrame]) -> Noise:
    """How far answers to one request are apart."""
    first, *others = answers
    widest: dict[str, float] = {}
    for number, column in enumerate(first.columns):
        for other in others:
            apart = _distance(first.iloc[:, number], other.iloc[:, number])
            widest[str(column)] = max(widest.get(str(column), 0.0), apart.max(initial=0.0))
    return widest


def rows_of(found: Sequence[Gap], numbers: Sequence[int], most: int = 10) -> tuple[int, ...]:
    """The first rows with a gap, by their number in the input."""
    return tuple(numbers[place] for place in dict.fromkeys(gap.place for gap in found))[:most]


def described(
    found: Sequence[Gap], numbers: Sequence[int], names: tuple[str, str], total: int
) -> str:
    """How many rows differ, with the widest gap as an example; `names` say what the answers are."""
    rows = len({gap.place for gap in found})
    worst = max(found, key=_width)
    column = "" if worst.column == "Predictions" else f" {worst.column!r}"
    return (
        f"{rows} of {total} rows differ. Row {numbers[worst.place]} (counted from 0):{column} "
        f"{shown(worst.first)} {names[0]}, {shown(worst.second)} {names[1]}."
    )


def shown(value: object) -> str:
    """A value for an error text: short, numbers with as many digits as tell them apart."""
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.10g}"
    if isinstance(value, (int, np.integer)):
        return str(value)
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _distance(one: Series, two: Series) -> NDArray[np.float64]:
    """For each row how far apart the values are; infinite for what is no number and not equal."""
    left, right = _numbers(one), _numbers(two)
    if left is None or right is None:
        return np.array(
            [0.0 if _equal(a, b) else np.inf for a, b in zip(one, two, strict=True)], dtype=float
        )
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(left - right)
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))


def _scale(one: Series, two: Series) -> NDArray[np.float64]:
    left, right = _numbers(one), _numbers(two)
    if left is None or right is None:
        return np.zeros(len(one))
    finite = np.abs(left[np.isfinite(left)])
    largest = finite.max(initial=0.0)
    both = np.fmax(np.abs(left), np.abs(right))
    scale: NDArray[np.float64] = np.where(np.isfinite(both), np.maximum(both, largest), largest)
    return scale


def _numbers(values: Series) -> NDArray[np.float64] | None:
    """The values as floats; `None` for a column that is not of numbers."""
    if values.dtype == bool or isinstance(values.dtype, pd.CategoricalDtype):
        return None
    try:
        if values.dtype == object and any(isinstance(item, (str, bytes)) for item in values):
            return None
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        return None


def _equal(one: object, two: object) -> bool:
    if isinstance(one, np.ndarray) or isinstance(two, np.ndarray):
        return bool(np.array_equal(np.asarray(one), np.asarray(two)))
    if one is two:
        return True
    try:
        return bool(one == two) or bool(pd.isna(one) and pd.isna(two))  # type: ignore[call-overload]  # any object may be a cell
    except (TypeError, ValueError):
        return repr(one) == repr(two)


def _width(gap: Gap) -> float:
    try:
        width = abs(float(gap.first) - float(gap.second))  # type: ignore[arg-type]  # else it raises
    except (TypeError, ValueError):
        return 0.0
    return np.inf if np.isnan(width) else width
