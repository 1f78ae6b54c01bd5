"""Matrix Market: a sparse matrix as text, as a table of sparse columns.

The text is read here, strictly: SciPy's own reader takes `1.5x` for a number, and crashes the
process when a text ends in the middle of one (seen with 1.17).
"""

from __future__ import annotations

import csv
import io
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import scipy.sparse

from drum_core.data.delimited import PRECISION
from drum_core.data.payload import Payload
from drum_core.errors import InputError, InputTooLargeError, listed

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame

__all__ = ["read_matrix_market"]

_logger = logging.getLogger(__name__)

_BANNER: Final = re.compile(
    rb"%%MatrixMarket[ \t]+matrix[ \t]+(coordinate|array)[ \t]+"
    rb"(real|double|integer|unsigned-integer|pattern|complex)[ \t]+"
    rb"(general|symmetric|skew-symmetric|hermitian)[ \t\r]*\n",
    re.IGNORECASE,
)
_SIZE: Final = re.compile(
    rb"(?:[ \t\r]*(?:%[^\n]*)?\n)*"
    rb"[ \t]*(\d{1,18})[ \t]+(\d{1,18})(?:[ \t]+(\d{1,18}))?[ \t\r]*(?:\n|\Z)"
)
_WORDS: Final = re.compile(rb"[^0-9eE+.\- \t\r\n]")
"""What only numbers such as `nan` and `inf` have."""

_ROW_BYTES: Final = 8
_COLUMN_BYTES: Final = 1024
"""What a row and a column of a table take at least, however empty."""

_EXACT: Final = 2**53

_INTEGERS: Final = {"integer": "int64", "unsigned-integer": "uint64"}


@dataclass(frozen=True, slots=True)
class _Head:
    """The first lines: `entries` is `None` in a dense matrix. `start` is where the numbers are."""

    kind: str
    symmetry: str
    rows: int
    columns: int
    entries: int | None
    start: int


def read_matrix_market(payload: Payload) -> DataFrame:
    """The matrix as sparse columns of float64 with the fill value 0.

    They are called by `payload.column_names`, else numbered from 0. A matrix may be sparse
    (`coordinate`) or dense (`array`), and symmetric. Entries of one place are added. Raises
    `InputError`, `InputTooLargeError`.
    """
    head = _head(payload)
    names = _names(payload.column_names, head.columns)
    try:
        rows, columns, values = _entries(payload.data[head.start :], head)
    except (ValueError, OverflowError) as error:
        raise _unreadable(f"{error}") from error
    if values.dtype.kind in "iu" and len(values) and max(values.max(), -values.min()) > _EXACT:
        _logger.warning("integers beyond 2**53 in the Matrix Market input lose their last digits")
    places = rows, columns
    numbers = values.astype(np.float64)
    if head.symmetry != "general":
        apart = rows != columns
        places = np.append(rows, columns[apart]), np.append(columns, rows[apart])
        sign = -1 if head.symmetry == "skew-symmetric" else 1
        numbers = np.append(numbers, sign * numbers[apart])
    matrix = scipy.sparse.csc_matrix((numbers, places), shape=(head.rows, head.columns))
    frame: DataFrame = pd.DataFrame.sparse.from_spmatrix(  # type: ignore[attr-defined]  # stubs lack it
        matrix, columns=names
    )
    return frame


def _head(payload: Payload) -> _Head:
    banner = _BANNER.match(payload.data)
    if banner is None:
        raise _unreadable(
            "expected a first line such as '%%MatrixMarket matrix coordinate real general'"
        )
    layout, kind, symmetry = (text.decode().lower() for text in banner.groups())
    if kind == "complex" or symmetry == "hermitian":
        raise InputError(
            "The Matrix Market input has complex numbers; a table holds real ones. Write it as "
            "real, integer or pattern."
        )
    size = _SIZE.match(payload.data, banner.end())
    if size is None or (size[3] is None) == (layout == "coordinate"):
        wanted = "rows, columns and entries" if layout == "coordinate" else "rows and columns"
        raise _unreadable(f"expected a line with the numbers of {wanted}")
    rows, columns, entries = int(size[1]), int(size[2]), int(size[3]) if size[3] else None
    if symmetry != "general" and rows != columns:
        raise _unreadable(f"a {symmetry} matrix is square, this one has {rows} x {columns}")
    limit = payload.max_bytes  # a few bytes can announce any number of empty rows and columns
    if limit is not None and rows * _ROW_BYTES + columns * _COLUMN_BYTES > limit:
        raise InputTooLargeError(limit)
    return _Head(kind, symmetry, rows, columns, entries, size.end())


def _entries(
    body: bytes, head: _Head
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.generic]]:
    """Rows and columns, counted from 0, and values."""
    if head.entries is None:
        (values,) = _numbers(body, _dense_size(head), [_INTEGERS.get(head.kind, "float64")])
        return *_dense_places(head), values
    types = ["int64", "int64"]
    if head.kind != "pattern":
        types.append(_INTEGERS.get(head.kind, "float64"))
    found = _numbers(body, head.entries, types)
    rows, columns = found[0].astype(np.int64), found[1].astype(np.int64)
    for places, count, called in ((rows, head.rows, "row"), (columns, head.columns, "column")):
        if len(places) and not 1 <= places.min() <= places.max() <= count:
            raise _unreadable(f"there is an entry outside the {count} {called}s")
    return rows - 1, columns - 1, found[2] if len(found) > 2 else np.ones(len(rows))


def _dense_size(head: _Head) -> int:
    match head.symmetry:
        case "general":
            return head.rows * head.columns
        case "symmetric":
            return head.rows * (head.rows + 1) // 2
        case _:
            return head.rows * (head.rows - 1) // 2


def _dense_places(head: _Head) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the numbers of a dense matrix belong: column by column, from the diagonal down."""
    if head.symmetry == "general":
        places = np.arange(head.rows * head.columns)
        return places % max(head.rows, 1), places // max(head.rows, 1)
    columns, rows = np.triu_indices(head.rows, k=1 if head.symmetry == "skew-symmetric" else 0)
    return rows.astype(np.int64), columns.astype(np.int64)


def _numbers(body: bytes, lines: int, types: list[str]) -> list[NDArray[np.generic]]:
    """The columns of the body: as many lines, with as many numbers each."""
    if not body.strip():
        found = [np.array([], dtype=name) for name in types]
    else:
        width = len(body.lstrip().split(b"\n", 1)[0].split())
        if width != len(types):
            raise _unreadable(f"expected {len(types)} numbers in a line, the first has {width}")
        words = _WORDS.search(body) is not None and types[-1] == "float64"
        read = [*types[:-1], "object"] if words else types
        with np.errstate(invalid="ignore"):  # where a float stands for an integer: an error follows
            frame = pd.read_csv(
                io.BytesIO(body),
                sep=r"\s+",
                header=None,
                names=range(len(types)),
                dtype=dict(enumerate(read)),
                na_filter=False,
                index_col=False,
                quoting=csv.QUOTE_NONE,
                low_memory=False,
                float_precision=PRECISION,
            )
        found = [frame[place].to_numpy().astype(name) for place, name in enumerate(types)]
    if len(found[0]) != lines:
        raise _unreadable(
            f"it announces {lines} lines of numbers, but has {len(found[0])}; is it cut short?"
        )
    return found


def _names(names: tuple[str, ...] | None, count: int) -> list[str] | range:
    if names is None:
        return range(count)
    if len(names) != count:
        raise InputError(
            f"The sparse matrix has {count} columns, but {len(names)} column names were given "
            f"({listed(names, most=3)}). Give one name a line for each column."
        )
    return list(names)


def _unreadable(problem: str) -> InputError:
    return InputError(f"The input cannot be read as Matrix Market: {problem}")
