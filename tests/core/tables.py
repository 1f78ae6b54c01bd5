"""Tables in every format, for tests."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import io as scipy_io
from scipy import sparse

from drum_core.data.payload import Payload
from drum_core.data.tables import read_table

if sys.version_info >= (3, 14):
    from compression import zstd as zstd
else:
    from backports import zstd as zstd

ARROW_STREAM = "application/vnd.apache.arrow.stream"
ARROW_FILE = "application/vnd.apache.arrow.file"
PARQUET = "application/vnd.apache.parquet"
JSON = "application/json"
JSON_LINES = "application/x-ndjson"
TSV = "text/tab-separated-values"
MTX = "text/mtx"

Compression: TypeAlias = Literal["lz4", "zstd"]


def read(data: bytes | str, media_type: str, **more: object) -> pd.DataFrame:
    """The table in `data`."""
    raw = data.encode() if isinstance(data, str) else data
    return read_table(Payload(data=raw, media_type=media_type, **more))  # type: ignore[arg-type]  # test data


def arrow_stream(table: pa.Table, compression: Compression | None = None) -> bytes:
    """Arrow IPC, as a stream."""
    file = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(file, table.schema, options=options) as writer:
        writer.write_table(table)
    return file.getvalue()


def arrow_file(table: pa.Table, compression: Compression | None = None) -> bytes:
    """Arrow IPC, as a file."""
    file = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_file(file, table.schema, options=options) as writer:
        writer.write_table(table)
    return file.getvalue()


def parquet(table: pa.Table) -> bytes:
    """A Parquet file."""
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def matrix_market(matrix: object) -> bytes:
    """A matrix in coordinates, as text with all digits."""
    file = io.BytesIO()
    scipy_io.mmwrite(file, sparse.coo_matrix(np.asarray(matrix)), precision=17)
    return file.getvalue()


def _cells(frame: pd.DataFrame) -> list[list[object]]:
    rows = frame.astype(object).where(frame.notna(), None)
    return [list(row) for row in rows.itertuples(index=False, name=None)]


def _records(frame: pd.DataFrame) -> list[dict[str, object]]:
    names = [str(name) for name in frame.columns]
    return [dict(zip(names, row, strict=True)) for row in _cells(frame)]


def _split(frame: pd.DataFrame) -> dict[str, object]:
    return {"columns": [str(name) for name in frame.columns], "data": _cells(frame)}


def _inputs(frame: pd.DataFrame) -> dict[str, object]:
    columns = zip(*_cells(frame), strict=True)
    return {str(name): list(values) for name, values in zip(frame.columns, columns, strict=True)}


def _csv(frame: pd.DataFrame, separator: str) -> bytes:
    return frame.to_csv(index=False, sep=separator).encode()


def _arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame)


Write = Callable[[pd.DataFrame], bytes]

WRITERS: Final[Mapping[str, tuple[str, Write]]] = {
    "csv": ("text/csv", lambda frame: _csv(frame, ",")),
    "tsv": (TSV, lambda frame: _csv(frame, "\t")),
    "arrow stream": (ARROW_STREAM, lambda frame: arrow_stream(_arrow(frame))),
    "arrow stream, zstd": (ARROW_STREAM, lambda frame: arrow_stream(_arrow(frame), "zstd")),
    "arrow file": (ARROW_FILE, lambda frame: arrow_file(_arrow(frame))),
    "arrow file, lz4": (ARROW_FILE, lambda frame: arrow_file(_arrow(frame), "lz4")),
    "parquet": (PARQUET, lambda frame: parquet(_arrow(frame))),
    "records": (JSON, lambda frame: json.dumps(_records(frame)).encode()),
    "split": (JSON, lambda frame: json.dumps(_split(frame)).encode()),
    "dataframe_split": (
        JSON,
        lambda frame: json.dumps({"dataframe_split": _split(frame)}).encode(),
    ),
    "dataframe_records": (
        JSON,
        lambda frame: json.dumps({"dataframe_records": _records(frame)}).encode(),
    ),
    "instances": (JSON, lambda frame: json.dumps({"instances": _records(frame)}).encode()),
    "inputs": (JSON, lambda frame: json.dumps({"inputs": _inputs(frame)}).encode()),
    "json lines": (
        JSON_LINES,
        lambda frame: "".join(json.dumps(row) + "\n" for row in _records(frame)).encode(),
    ),
}
"""For each form of a table, its media type and what writes it. All can carry integers, finite
floats, truth values, texts and missing values."""
