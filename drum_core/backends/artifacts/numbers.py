"""Tables as matrices of numbers, and what frameworks answer as columns of labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from drum_core.data.labels import match_labels
from drum_core.model.target import ClassTarget, TableTarget

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame

__all__ = ["in_order_of_labels", "matrix"]


def matrix(frame: DataFrame, kind: str) -> NDArray[np.generic]:
    """The table as a matrix of one kind of numbers, dense, row after row in its own memory.

    Raises `ValueError` when it holds texts.
    """
    import numpy as np

    return np.array(frame.to_numpy(), dtype=kind, order="C")


def in_order_of_labels(
    values: NDArray[np.generic], names: Sequence[object], target: TableTarget
) -> NDArray[np.generic]:
    """The columns in the order of the target's labels, if their names are those labels."""
    if not isinstance(target, ClassTarget):
        return values
    matched = match_labels(names, target.labels)
    if matched is None:
        return values
    return values[:, [matched.index(label) for label in target.labels]]
