"""Schemas of tables in, and of predictions and transformed tables out."""

from __future__ import annotations

from typing import Final

from drum_core.data.formats import FORMATS, available_formats
from drum_core.model.target import (
    AnomalyTarget,
    BinaryTarget,
    GeoPointTarget,
    MulticlassTarget,
    MultilabelTarget,
    Target,
    TextTarget,
)
from drum_core.serving.openapi.operation import Content, Schema

__all__ = ["TRANSFORMED", "deployment_predictions", "predictions", "table_content"]

_NUMBER: Final[Schema] = {"type": ["number", "null"]}
_FILE: Final[Schema] = {"type": "string", "contentMediaType": "application/octet-stream"}
_ANY_SCALAR: Final[Schema] = {"type": ["string", "number", "boolean", "null"]}


def table_content(*, with_target: bool = False) -> Content:
    """A table in a request: as the file X of a form, or as the whole body, by its type.

    A body may be compressed, which its `Content-Encoding` says. `with_target` adds the file y.
    """
    parts: dict[str, Schema] = {
        "X": {**_FILE, "description": "The table; its file name tells the format, CSV without."},
        "X.colnames": {**_FILE, "description": "Column names of a sparse table, one a line."},
    }
    if with_target:
        parts["y"] = {**_FILE, "description": "The target of the rows of X."}
    form = {"type": "object", "required": ["X"], "properties": parts}
    known = available_formats()
    raw = [kind for item in FORMATS if item.name in known for kind in item.media_types if kind]
    return {"multipart/form-data": form, **{kind: _raw(kind) for kind in raw}}


def _raw(media_type: str) -> Schema:
    if media_type == "application/json":
        return {"description": "Records, a split table, or what MLflow's scoring server takes."}
    return {"type": "string", "contentMediaType": media_type}


def predictions(target: Target | None) -> Schema:
    """`{"predictions": […]}`, one element a row."""
    return {
        "type": "object",
        "required": ["predictions"],
        "properties": {
            "predictions": {"type": "array", "items": _element(target)},
            "extraModelOutput": {
                "type": "object",
                "description": "The columns that the model gave besides.",
                "required": ["columns", "index", "data"],
                "properties": {
                    "columns": {"type": "array", "items": {"type": "string"}},
                    "index": {"type": "array", "items": {"type": "integer"}},
                    "data": {"type": "array", "items": {"type": "array"}},
                },
            },
        },
        "additionalProperties": False,
    }


def _element(target: Target | None) -> Schema:
    if isinstance(target, (BinaryTarget, MulticlassTarget, MultilabelTarget)):
        return {
            "type": "object",
            "description": "From label to probability.",
            "required": list(target.labels),
            "properties": dict.fromkeys(target.labels, _NUMBER),
            "additionalProperties": False,
        }
    if isinstance(target, (TextTarget, GeoPointTarget)) or target is None:
        return {}  # whatever the model gave
    return _NUMBER


def deployment_predictions(target: Target | None) -> Schema:
    """`{"data": [record, …]}`, as a deployment answers."""
    record: dict[str, Schema] = {
        "prediction": _prediction(target),
        "predictionValues": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["label", "value"],
                "properties": {"label": _label(target), "value": _value(target)},
            },
        },
        "rowId": {"type": "integer", "minimum": 0},
    }
    if isinstance(target, (BinaryTarget, MultilabelTarget)):
        record["predictionThreshold"] = {"type": "number"}
    row = {
        "type": "object",
        "required": list(record),
        "properties": {**record, "extraModelOutput": {"type": "object"}},
    }
    return {
        "type": "object",
        "required": ["data"],
        "properties": {"data": {"type": "array", "items": row}},
        "additionalProperties": False,
    }


def _label(target: Target | None) -> Schema:
    return {"const": "Anomaly Score"} if isinstance(target, AnomalyTarget) else _ANY_SCALAR


def _prediction(target: Target | None) -> Schema:
    if isinstance(target, MultilabelTarget):
        return {"type": "array", "items": _ANY_SCALAR}
    return _ANY_SCALAR if isinstance(target, (BinaryTarget, MulticlassTarget)) else _value(target)


def _value(target: Target | None) -> Schema:
    return {} if isinstance(target, (TextTarget, GeoPointTarget)) or target is None else _NUMBER


TRANSFORMED: Final[Schema] = {
    "type": "object",
    "properties": {
        name: {"type": "string"}
        for name in ("X.format", "X.transformed", "X.colnames", "y.format", "y.transformed")
    },
}
"""The parts of the form that a transform model answers with; see docs/serving.md."""
