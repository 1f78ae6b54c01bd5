"""The rows to train on: features, target and weights, each from a column or from a file."""

from __future__ import annotations

import difflib
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drum_core.data.input_file import read_input
from drum_core.data.memory import out_of_memory
from drum_core.data.payload import Payload
from drum_core.data.sparse import as_dense, is_numbered
from drum_core.data.tables import read_table
from drum_core.errors import InputError, InputTooLargeError, listed
from drum_core.monitoring.memory import available_memory
from drum_core.options.choices import TargetType

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from drum_core.options.fit import FitOptions

__all__ = ["SEED", "Rows", "read_rows", "sampled"]

_logger = logging.getLogger("drum.fit")

SEED: Final = 1
"""Of every random choice, so that a run can be repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What a model is trained on; each part has as many rows as `features`.

    `target` is a table where each label of a multilabel model has a column. `media_type` is that
    of the input; `target_from` and `weights_from` say, for error texts, where they came from.
    """

    features: DataFrame
    target: Series | DataFrame | None
    weights: Series | None
    media_type: str
    target_from: str = ""
    weights_from: str = ""

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.features)

    def at(self, places: list[int]) -> Rows:
        """The rows at these places, counted from 0."""
        target, weights = self.target, self.weights
        return replace(
            self,
            features=self.features.iloc[places].reset_index(drop=True),
            target=None if target is None else target.iloc[places].reset_index(drop=True),
            weights=None if weights is None else weights.iloc[places].reset_index(drop=True),
        )

    def copied(self) -> Rows:
        """The same in memory of its own, for code that may change what it is given."""
        target, weights = self.target, self.weights
        return replace(
            self,
            features=self.features.copy(deep=True),
            target=None if target is None else target.copy(deep=True),
            weights=None if weights is None else weights.copy(deep=True),
        )

    @property
    def target_name(self) -> str | None:
        """What the target is called; `None` where there is none, or it is a table."""
        name = getattr(self.target, "name", None)
        return None if name is None else str(name)


def read_rows(options: FitOptions, kind: TargetType) -> Rows:
    """Reads the input, and takes target and weights out of it. Raises `InputError`."""
    payload, frame = _read(options.input, options.sparse_column_file)
    rows = Rows(features=frame, target=None, weights=None, media_type=payload.media_type)
    if options.target is not None and options.target == options.row_weights:
        raise InputError(
            f"The column {options.target!r} cannot be both the target and the row weights."
        )
    if options.target is not None:
        rows = _with_target_column(rows, options.target, options.input)
    if options.target_csv is not None:
        rows = replace(
            rows,
            target=_target_in_file(options.target_csv, kind, rows.count),
            target_from=f"the target in {options.target_csv}",
        )
    if options.row_weights is not None:
        features, weights = _split(rows.features, options.row_weights, "row weights", options.input)
        where = f"the row weights, column {options.row_weights!r} of {options.input}"
        rows = replace(rows, features=features, weights=weights, weights_from=where)
    if options.row_weights_csv is not None:
        table = _as_long(options.row_weights_csv, rows.count, "row weights")
        where = f"the row weights in {options.row_weights_csv}"
        rows = replace(rows, weights=_first(table), weights_from=where)
    if is_numbered(frame):
        # Nameless columns are numbered again, as those of a file without the target will be.
        numbers = range(rows.features.shape[1])
        rows = replace(rows, features=rows.features.set_axis(numbers, axis=1))
    if not rows.features.shape[1]:
        raise InputError(
            f"{options.input} has no columns beside target and row weights: nothing to learn from."
        )
    return rows


def sampled(rows: Rows, most: int | None, *, classes: bool) -> Rows:
    """At most that many rows, picked at random with `SEED`, in their order.

    Of a target with `classes`, each class is among them. Raises `InputError` when there are more
    classes than rows.
    """
    import numpy as np
    import pandas as pd

    if most is None or most >= rows.count:
        if most is not None and most > rows.count:
            _logger.warning(
                "--num-rows is %d, the input has %d rows: all are used", most, rows.count
            )
        return rows
    order = np.random.default_rng(SEED).permutation(rows.count)
    if classes and isinstance(rows.target, pd.Series):
        again = rows.target.iloc[order].duplicated().to_numpy()
        found = int((~again).sum())
        if found > most:
            raise InputError(
                f"--num-rows is {most}, but {rows.target_from} has {found} classes, and each needs "
                "a row at least."
            )
        order = order[np.argsort(again, kind="stable")]
    return rows.at(np.sort(order[:most]).tolist())


def _with_target_column(rows: Rows, name: str, path: Path) -> Rows:
    features, target = _split(rows.features, name, "target", path)
    where = f"the target, column {name!r} of {path}"
    return replace(rows, features=features, target=target, target_from=where)


def _target_in_file(path: Path, kind: TargetType, count: int) -> Series | DataFrame:
    """The first column, or, for a multilabel model, a column for each label."""
    table = _as_long(path, count, "target")
    if table.shape[1] == 1:
        return _first(table)
    if kind is TargetType.MULTILABEL:
        return as_dense(table).rename(columns=str)
    _logger.warning(
        "%s has %d columns; the first, %r, is the target", path, table.shape[1], table.columns[0]
    )
    return _first(table)


def _as_long(path: Path, count: int, what: str) -> DataFrame:
    _, table = _read(path)
    if len(table) != count:
        hint = ""
        if len(table) == count - 1:
            hint = " Its first line is taken for a header: has it one?"
        raise InputError(
            f"{path} has {len(table)} rows for the {what}, the input has {count}; expected one "
            f"for each row of the input.{hint}"
        )
    return table


def _read(path: Path, column_file: Path | None = None) -> tuple[Payload, DataFrame]:
    try:
        payload = read_input(path, column_file, max_bytes=available_memory())
        return payload, read_table(payload)
    except InputTooLargeError as error:  # its text is for clients of a server
        raise out_of_memory(error.limit) from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _split(frame: DataFrame, name: str, what: str, path: Path) -> tuple[DataFrame, Series]:
    """The table without a column, and the column."""
    texts = [str(column) for column in frame.columns]
    if name not in texts:
        close = difflib.get_close_matches(name, texts, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise InputError(
            f"The column {name!r} for the {what} is not in {path}. Its columns are "
            f"{listed(texts, most=30)}.{hint}"
        )
    place = texts.index(name)
    column = as_dense(frame.iloc[:, [place]]).iloc[:, 0]
    # Not by position: pandas 2 would warn whoever sets values in a part of a table.
    return frame.drop(columns=frame.columns[place]), column


def _first(table: DataFrame) -> Series:
    return as_dense(table.iloc[:, [0]]).iloc[:, 0]
