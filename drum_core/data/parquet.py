"""Parquet files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from drum_core.data.arrow_table import refuse_repeated_names, to_frame
from drum_core.data.payload import Payload
from drum_core.errors import InputError, InputTooLargeError

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["read_parquet"]


def read_parquet(payload: Payload) -> DataFrame:
    """The table. Raises `InputError`, `InputTooLargeError`."""
    try:
        if payload.max_bytes is None:
            table = pq.ParquetFile(pa.BufferReader(payload.data)).read()
        else:
            table = _read_limited(payload.data, payload.max_bytes)
        table.validate(full=True)
        return to_frame(table, payload.max_bytes)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        said = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"The input cannot be read as Parquet: {said}") from error


def _read_limited(data: bytes, limit: int) -> pa.Table:
    """Reads in batches, and texts as numbers of their distinct values, so that nothing grows.

    A page of some bytes may stand for millions of rows with one long text.
    """
    schema = pq.ParquetFile(pa.BufferReader(data)).schema_arrow
    refuse_repeated_names(schema.names)
    texts = [field.name for field in schema if _is_text(field.type)]
    file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=texts)
    batches: list[pa.RecordBatch] = []
    size = 0
    for packed in file.iter_batches():
        columns: list[pa.Array[Any]] = []
        for field, column in zip(schema, packed.columns, strict=True):
            size += _text_bytes(column) if field.name in texts else column.nbytes
            if size > limit:
                raise InputTooLargeError(limit)
            columns.append(column.cast(field.type) if field.name in texts else column)
        batches.append(pa.RecordBatch.from_arrays(columns, schema=schema))
    return pa.Table.from_batches(batches, schema=schema)


def _is_text(kind: pa.DataType) -> bool:
    return (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )


def _text_bytes(column: pa.Array[Any]) -> int:
    """What a column of texts takes when each row has its own."""
    if not isinstance(column, pa.DictionaryArray):
        return column.nbytes
    lengths = pc.call_function("binary_length", [column.dictionary]).cast(pa.int64())
    total: int | None = pc.sum(lengths.take(column.indices)).as_py()
    return (total or 0) + 4 * len(column)
