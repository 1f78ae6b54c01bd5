"""The input of a validation as a table that checks take apart and vary."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import orjson
import pandas as pd

from drum_core.data.formats import format_of
from drum_core.data.payload import Payload
from drum_core.data.sparse import matrix_market
from drum_core.data.tables import read_table
from drum_core.errors import InputError
from drum_core.serving.json_values import json_value

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Sample", "read_sample"]

_SEPARATORS: Final = {"csv": ",", "tsv": "\t"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Rows of the input, whose index is their number in it, counted from 0.

    Where the format has text alone, so has `cells`: what is not varied is sent as it was written.
    `typed` are the same rows as a model gets them. `total` is how many rows the input has.
    """

    cells: DataFrame
    typed: DataFrame
    total: int
    format: str
    column_names: tuple[str, ...] | None = None

    @property
    def has_cells(self) -> bool:
        """Whether single cells can be changed: not those of a sparse matrix."""
        return self.format != "mtx"

    @property
    def is_text(self) -> bool:
        """Whether the format has text alone, so that an empty cell is a missing value."""
        return self.format in _SEPARATORS

    @property
    def missing(self) -> object:
        """What a missing value is in `cells`."""
        return "" if self.is_text else None

    def numbers(self) -> list[int]:
        """The number of each row in the input."""
        return [int(number) for number in self.cells.index]

    def cell(self, value: object) -> object:
        """A value as `cells` has it."""
        return str(value) if self.is_text else value

    def with_column(self, name: str, values: object) -> DataFrame:
        """The cells with other values in one column."""
        changed = self.cells.copy()
        count = len(changed)
        items = list(values) if isinstance(values, list) else [values] * count
        changed[name] = pd.Series(items, index=changed.index, dtype=object)
        return changed

    def encode(self, cells: DataFrame) -> Payload:
        """A table like `cells` as the bytes of a request. Raises `InputError` where it is none."""
        match self.format:
            case "csv" | "tsv":
                text = cells.to_csv(index=False, sep=_SEPARATORS[self.format], lineterminator="\n")
                return self._payload(self.format, text.encode("utf-8", "surrogatepass"))
            case "mtx":
                return self._payload("mtx", matrix_market(cells))
            case "arrow" | "parquet":
                return self._payload("arrow", _arrow(cells))
            case _:
                return self._payload("json", _records(cells))

    def _payload(self, name: str, data: bytes) -> Payload:
        media_types = {
            "csv": "text/csv",
            "tsv": "text/tab-separated-values",
            "mtx": "text/mtx",
            "arrow": "application/vnd.apache.arrow.stream",
            "json": "application/json",
        }
        return Payload(data=data, media_type=media_types[name], column_names=self.column_names)

    def some(self, most: int) -> Sample:
        """At most so many of the rows, evenly spread."""
        places = _spread(len(self.cells), most)
        return replace(self, cells=self.cells.iloc[places], typed=self.typed.iloc[places])


def read_sample(payload: Payload, rows: int) -> Sample:
    """At most `rows` rows of the table in `payload`, evenly spread. Raises `InputError`."""
    typed = read_table(payload)
    found = format_of(payload.media_type)
    name = found.name if found is not None else "csv"
    cells = typed
    if name in _SEPARATORS:
        cells = _texts(payload, _SEPARATORS[name], one_column=typed.shape[1] == 1)
        if cells.shape != typed.shape:
            raise InputError("The input reads differently as text than as a table.")
        cells.columns = typed.columns  # a second `a` is `a.1`
    elif name != "mtx":
        cells = typed.astype(object).where(typed.notna(), None)
    cells.index = typed.index = pd.RangeIndex(len(typed))
    whole = Sample(
        cells=cells,
        typed=typed,
        total=len(typed),
        format=name,
        column_names=payload.column_names,
    )
    return whole.some(rows)


def _texts(payload: Payload, separator: str, *, one_column: bool) -> DataFrame:
    frame = pd.read_csv(
        io.BytesIO(payload.data),
        sep=separator,
        dtype=str,
        na_filter=False,
        skip_blank_lines=not one_column,
    )
    return frame.astype(object)


def _spread(count: int, most: int) -> list[int]:
    if count <= most:
        return list(range(count))
    return [int(place) for place in np.unique(np.linspace(0, count - 1, most).round())]


def _arrow(cells: DataFrame) -> bytes:
    import pyarrow as pa

    try:
        table = pa.Table.from_pandas(cells.infer_objects(), preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise InputError(f"The varied table has no Arrow form: {error}.") from error
    written = io.BytesIO()
    with pa.ipc.new_stream(written, table.schema) as stream:
        stream.write_table(table)
    return written.getvalue()


def _records(cells: DataFrame) -> bytes:
    names = [str(name) for name in cells.columns]
    rows = cells.itertuples(index=False, name=None)
    return orjson.dumps(
        [dict(zip(names, map(json_value, row), strict=True)) for row in rows],
        option=orjson.OPT_SERIALIZE_NUMPY,
    )
