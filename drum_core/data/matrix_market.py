"""Matrix Market: a sparse matrix as text, as a table of sparse columns."""

from __future__ import annotations

import io
import logging
import re
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse

from drum_core.data.payload import Payload
from drum_core.errors import InputError, InputTooLargeError, listed

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["read_matrix_market"]

_logger = logging.getLogger(__name__)

_SIZE: Final = re.compile(rb"\A%%MatrixMarket[^\n]*\n(?:[ \t\r]*(?:%[^\n]*)?\n)*\s*(\d+)\s+(\d+)")
_ROW_BYTES: Final = 8
_COLUMN_BYTES: Final = 1024
"""What a row and a column of a table take at least, however empty."""

_EXACT: Final = 2**53


def read_matrix_market(payload: Payload) -> DataFrame:
    """The matrix as sparse columns of float64 with the fill value 0.

    They are called by `payload.column_names`, else numbered from 0. A matrix may be sparse
    (`coordinate`) or dense (`array`), and symmetric. Raises `InputError`.
    """
    _check_size(payload)
    try:
        found = scipy.io.mmread(io.BytesIO(payload.data))
    except (ValueError, OverflowError, TypeError) as error:
        raise InputError(f"The input cannot be read as Matrix Market: {error}") from error
    if found.dtype.kind == "c":
        raise InputError(
            "The Matrix Market input has complex numbers; a table holds real ones. Write it as "
            "real, integer or pattern."
        )
    matrix = scipy.sparse.csc_matrix(found)
    if matrix.dtype.kind in "iu" and matrix.nnz and np.abs(matrix.data).max() > _EXACT:
        _logger.warning("integers beyond 2**53 in the Matrix Market input lose their last digits")
    names = _names(payload.column_names, matrix.shape[1])
    matrix = matrix.astype(np.float64)
    matrix.sum_duplicates()
    return _sparse_frame(matrix, names)


def _sparse_frame(matrix: scipy.sparse.csc_matrix, names: list[str] | range) -> DataFrame:
    frame: DataFrame = pd.DataFrame.sparse.from_spmatrix(  # type: ignore[attr-defined]  # stubs lack it
        matrix, columns=names
    )
    return frame


def _names(names: tuple[str, ...] | None, count: int) -> list[str] | range:
    if names is None:
        return range(count)
    if len(names) != count:
        raise InputError(
            f"The sparse matrix has {count} columns, but {len(names)} column names were given "
            f"({listed(names, most=3)}). Give one name a line for each column."
        )
    return list(names)


def _check_size(payload: Payload) -> None:
    """A few bytes can announce any number of empty rows and columns."""
    match = _SIZE.match(payload.data)
    if match is None or payload.max_bytes is None:
        return
    rows, columns = (int(number[:20]) for number in match.groups())
    if rows * _ROW_BYTES + columns * _COLUMN_BYTES > payload.max_bytes:
        raise InputTooLargeError(payload.max_bytes)
