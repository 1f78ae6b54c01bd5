"""Whether target and weights can be learnt from, and which classes a target has."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from drum_core.data.labels import normalized
from drum_core.errors import InputError, OptionConflictError, listed
from drum_core.options.choices import TargetType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame, Series

    from drum_core.training.rows import Rows

__all__ = ["check_labels_occur", "check_target", "check_weights", "find_labels"]

_logger = logging.getLogger("drum.fit")

_CLASSES: Final = frozenset({TargetType.BINARY, TargetType.MULTICLASS})
_MANY: Final = 100
"""More classes than this, each of a few rows, are numbers of something."""

_WITHOUT_CONSTANTS: Final = frozenset(
    {
        TargetType.REGRESSION,
        TargetType.BINARY,
        TargetType.MULTICLASS,
        TargetType.MULTILABEL,
        TargetType.GEO_POINT,
    }
)


def check_target(rows: Rows, kind: TargetType) -> None:
    """Raises `InputError` for a target that a model of this kind cannot learn."""
    import pandas as pd

    target, where = rows.target, rows.target_from
    if target is None:
        return
    missing = int(target.isna().to_numpy().sum())
    if missing == target.size:
        raise InputError(f"In {where}, every value is missing: there is nothing to learn.")
    if missing:
        _logger.warning("in %s, %d of %d values are missing", where, missing, target.size)
    if isinstance(target, pd.DataFrame):
        _check_indicators(target, where)
        return
    values = target.dropna()
    if kind in _WITHOUT_CONSTANTS and _distinct(values) < 2:
        raise InputError(
            f"In {where}, every value is {_shown(values.iloc[0])}: with one value there is "
            "nothing to learn. Give rows with others, or another column."
        )
    if kind is TargetType.REGRESSION:
        _check_numbers(values, where)


def _shown(value: object) -> str:
    """A value as Python writes it, without the name of a type of numpy."""
    return repr(value) if isinstance(value, str) else str(value)


def _distinct(values: Series) -> int:
    return len({str(value) for value in values.unique()})


def _check_numbers(values: Series, where: str) -> None:
    import numpy as np
    from pandas.api import types

    if not types.is_numeric_dtype(values.dtype) or types.is_complex_dtype(values.dtype):
        wrong = next((value for value in values if not _is_number(value)), values.iloc[0])
        raise InputError(
            f"A regression model learns numbers, but in {where}, there is {_shown(wrong)}. Give a "
            "column of numbers, or another --target-type, such as binary or multiclass."
        )
    if infinite := int((~np.isfinite(values.to_numpy(dtype=float))).sum()):
        raise InputError(f"In {where}, {infinite} values are infinite; a model learns numbers.")


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _check_indicators(table: DataFrame, where: str) -> None:
    """A column for each label, which says by 0 or 1 whether a row has it."""
    for name, column in table.items():
        values = {normalized(value) for value in column.dropna().unique()}
        if not values <= {0.0, 1.0}:
            raise InputError(
                f"In {where}, the column {name!r} has {listed(sorted(map(str, values)))}; a label "
                "of a multilabel model is 1 in the rows that have it, and 0 in the others."
            )
    constant = [name for name, column in table.items() if _distinct(column.dropna()) < 2]
    if len(constant) == table.shape[1]:
        raise InputError(f"In {where}, every label is the same in all rows: nothing to learn.")
    if constant:
        _logger.warning("in %s, the labels %s are the same in all rows", where, listed(constant))


def find_labels(rows: Rows, kind: TargetType) -> tuple[str, ...]:
    """The classes of a target, as texts in order of the alphabet; names of a multilabel table.

    Of a binary target, DRUM takes the first for the positive one. Raises `InputError` for a
    target of another number of classes, `OptionConflictError` where they cannot be found.
    """
    import pandas as pd

    target = rows.target
    if isinstance(target, pd.DataFrame):
        return tuple(str(name) for name in target.columns)
    if kind is TargetType.MULTILABEL or target is None:
        raise OptionConflictError(
            "The labels of a multilabel model cannot be found in one column: give --class-labels, "
            "or a --target-csv with a column for each label."
        )
    values = target.dropna()
    labels = tuple(sorted({str(value) for value in values.unique()}))
    if kind is TargetType.BINARY and len(labels) != 2:
        raise InputError(
            f"A binary target has 2 classes; {rows.target_from} has {len(labels)}: "
            f"{listed(labels)}. Use --target-type multiclass"
            + (", or regression for numbers." if _are_numbers(values) else ".")
        )
    if _are_fractions(values) and len(labels) > min(_MANY, len(values) // 2):
        raise InputError(
            f"A multiclass target has classes, but {rows.target_from} has {len(labels)} different "
            f"numbers in {len(values)} rows, such as {labels[0]}. Use --target-type regression, or "
            "give --class-labels if they are classes."
        )
    return labels


def _are_numbers(values: Series) -> bool:
    from pandas.api import types

    return types.is_numeric_dtype(values.dtype) and not types.is_bool_dtype(values.dtype)


def _are_fractions(values: Series) -> bool:
    from pandas.api import types

    return types.is_float_dtype(values.dtype) and bool((values % 1 != 0).any())


def check_labels_occur(rows: Rows, kind: TargetType, labels: Sequence[str]) -> None:
    """Raises `InputError` for labels that were given and are not those of the target."""
    import pandas as pd

    target, where = rows.target, rows.target_from
    if isinstance(target, pd.DataFrame):
        if set(target.columns) != set(labels):
            raise InputError(
                f"The class labels are {listed(labels)}, but {where} has the columns "
                f"{listed(target.columns)}. Make them the same."
            )
        return
    if target is None or kind not in _CLASSES:
        return
    found = {str(value) for value in target.dropna().unique()}
    known = {*labels, *map(normalized, labels)}
    if strange := sorted(text for text in found if not {text, normalized(text)} & known):
        raise InputError(
            f"In {where}, there is {listed(strange)}, which is not among the class labels "
            f"{listed(labels)}. Correct the labels, or the data."
        )
    present = {*found, *map(normalized, found)}
    absent = [label for label in labels if not {label, normalized(label)} & present]
    if absent:
        _logger.warning("no row of %s has the class %s", where, listed(absent))


def check_weights(rows: Rows) -> None:
    """Raises `InputError` for weights that are no numbers of at least 0."""
    import numpy as np
    from pandas.api import types

    weights, where = rows.weights, rows.weights_from
    if weights is None:
        return
    if not types.is_numeric_dtype(weights.dtype) or types.is_complex_dtype(weights.dtype):
        wrong = next((value for value in weights if not _is_number(value)), weights.iloc[0])
        raise InputError(f"Row weights are numbers; in {where}, there is {_shown(wrong)}.")
    numbers = weights.to_numpy(dtype=float, na_value=np.nan)
    for wrong_rows, problem in (
        (np.isnan(numbers), "missing"),
        (np.isinf(numbers), "infinite"),
        (numbers < 0, "negative"),
    ):
        if wrong_rows.any():
            first = int(wrong_rows.argmax())
            raise InputError(
                f"A row weight is a number of at least 0; in {where}, {int(wrong_rows.sum())} are "
                f"{problem}, the first in row {first} (counted from 0)."
            )
    if not numbers.any():
        raise InputError(f"In {where}, every weight is 0: no row counts.")
