"""Tables that are mostly zeros: pandas columns of sparse type, and matrices of SciPy."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from drum_core.errors import PredictionError, listed

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["as_dense", "from_cells", "from_matrix", "is_numbered", "is_sparse", "matrix_market"]


def is_sparse(frame: DataFrame) -> bool:
    """Whether every column is of a sparse type."""
    import pandas as pd

    kinds = [isinstance(dtype, pd.SparseDtype) for dtype in frame.dtypes]
    return bool(kinds) and all(kinds)


def is_numbered(frame: DataFrame) -> bool:
    """Whether the columns have no names, but are numbered from 0."""
    import pandas as pd

    columns: object = frame.columns  # by the stubs, of texts
    return isinstance(columns, pd.RangeIndex)


def as_dense(frame: DataFrame) -> DataFrame:
    """The same values in ordinary columns."""
    import pandas as pd

    kinds = {
        name: dtype.subtype
        for name, dtype in frame.dtypes.items()
        if isinstance(dtype, pd.SparseDtype)
    }
    return frame.astype(kinds) if kinds else frame


def from_matrix(value: object) -> DataFrame | None:
    """A SciPy matrix as a table with sparse columns 0, 1, …; `None` for anything else."""
    if "scipy.sparse" not in sys.modules:
        return None  # nobody can hold a matrix of a package that was never imported
    import pandas as pd
    from scipy import sparse

    if not sparse.issparse(value):
        return None
    frame: DataFrame = pd.DataFrame.sparse.from_spmatrix(value)  # type: ignore[attr-defined]  # the stubs lack it
    return frame


def from_cells(frame: DataFrame) -> DataFrame | None:
    """A table whose cells are SciPy rows, as one with sparse columns 0, 1, …; `None` for another.

    Rows of several columns are put side by side. Raises `PredictionError` when the cells of a
    column do not fit under each other.
    """
    if frame.empty or "scipy.sparse" not in sys.modules:
        return None
    from scipy import sparse

    if not all(sparse.issparse(value) for value in frame.iloc[0]):
        return None
    try:
        columns = [sparse.vstack(list(frame.iloc[:, place])) for place in range(frame.shape[1])]
        joined = sparse.hstack(columns, format="csr")
    except (ValueError, TypeError, AttributeError) as error:
        raise PredictionError(
            f"The sparse rows in {listed(frame.columns)} do not make a matrix: {error}."
        ) from error
    if joined.shape[0] != len(frame):
        raise PredictionError(
            f"The sparse cells hold {joined.shape[0]} rows; expected one in each of {len(frame)}."
        )
    return from_matrix(joined)


def matrix_market(frame: DataFrame) -> bytes:
    """A table of sparse columns as Matrix Market text, numbers in full.

    Raises `PredictionError` when its values are not numbers.
    """
    from scipy import io as scipy_io

    try:
        matrix = frame.sparse.to_coo()  # type: ignore[attr-defined]  # the stubs lack it
        written = io.BytesIO()
        scipy_io.mmwrite(written, matrix)
    except (TypeError, ValueError) as error:
        raise PredictionError(f"The sparse table cannot be written: {error}.") from error
    return written.getvalue()
