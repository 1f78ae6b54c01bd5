"""Finds the columns a model was trained on in the table it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from drum_core.errors import InputError, listed

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["with_features"]


def with_features(
    frame: DataFrame, features: tuple[str, ...], *, spelled: Callable[[str], str] = str
) -> DataFrame:
    """The columns the model was trained on, in its order; others are left out.

    `spelled` is how its framework writes the name of a column. Raises `InputError` for one that
    is missing.
    """
    have = [str(name) for name in frame.columns]
    if tuple(have) == features:
        return frame
    found = [name if name in features else spelled(name) for name in have]
    if missing := [name for name in features if name not in found]:
        raise InputError(
            f"The model needs the columns {listed(features, most=20)}; the input lacks "
            f"{listed(missing, most=20)}. It has {listed(have, most=20)}."
        )
    return frame.iloc[:, [found.index(name) for name in features]]
