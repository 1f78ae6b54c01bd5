"""Rows as the form that `/predict/` and `/transform/` take, in the format they were read from."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

import orjson

from drum_core.data.formats import format_of
from drum_core.data.sparse import is_numbered, is_sparse, matrix_market
from drum_core.serving.form import FormField, write_form
from drum_core.serving.json_values import json_values

if TYPE_CHECKING:
    import pyarrow as pa
    from pandas import DataFrame, Series

__all__ = ["as_form"]


def as_form(
    features: DataFrame, target: Series | DataFrame | None, media_type: str
) -> tuple[bytes, str]:
    """The body of the request, and its content type; the target goes along as CSV.

    The format of the input is kept, because it has types that another may lose.
    """
    fields = _sparse(features) if is_sparse(features) else [_dense(features, media_type)]
    if target is not None:
        fields.append(FormField("y", _csv(target), is_file=True, file_name="y.csv"))
    return write_form(fields)


def _sparse(features: DataFrame) -> list[FormField]:
    fields = [FormField("X", matrix_market(features), is_file=True, file_name="X.mtx")]
    if not is_numbered(features):
        names = "\n".join(str(name) for name in features.columns).encode()
        fields.append(FormField("X.colnames", names, is_file=True))
    return fields


def _dense(features: DataFrame, media_type: str) -> FormField:
    found = format_of(media_type)
    name = found.name if found is not None and found.name in _WRITERS else "csv"
    return FormField("X", _WRITERS[name](features), is_file=True, file_name=f"X.{name}")


def _csv(frame: DataFrame | Series) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode()


def _tsv(frame: DataFrame) -> bytes:
    return frame.to_csv(index=False, sep="\t", lineterminator="\n").encode()


def _records(frame: DataFrame) -> list[dict[str, object]]:
    names = [str(name) for name in frame.columns]
    columns = [json_values(frame.iloc[:, place]) for place in range(frame.shape[1])]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _json(frame: DataFrame) -> bytes:
    return orjson.dumps(_records(frame))


def _json_lines(frame: DataFrame) -> bytes:
    return b"\n".join(orjson.dumps(record) for record in _records(frame)) + b"\n"


def _arrow_table(frame: DataFrame) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False)


def _arrow(frame: DataFrame) -> bytes:
    import pyarrow as pa

    table, sink = _arrow_table(frame), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _parquet(frame: DataFrame) -> bytes:
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(_arrow_table(frame), sink)
    return sink.getvalue()


_Writer: TypeAlias = "Callable[[DataFrame], bytes]"

_WRITERS: Final[Mapping[str, _Writer]] = {
    "csv": _csv,
    "tsv": _tsv,
    "json": _json,
    "jsonl": _json_lines,
    "arrow": _arrow,
    "parquet": _parquet,
}
"""By the names of the formats, which are extensions too."""
