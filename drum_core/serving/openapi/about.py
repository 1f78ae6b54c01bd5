"""Schemas of what the server says of itself: its state, its model, its numbers, its errors."""

from __future__ import annotations

from typing import Final

from drum_core.model.target import BinaryTarget, MulticlassTarget, MultilabelTarget, Target
from drum_core.options.choices import Language, TargetType
from drum_core.serving.openapi.operation import Schema

__all__ = ["CAPABILITIES", "CHAT_ERROR", "ERROR", "OK", "STATS", "info"]

_TEXT: Final[Schema] = {"type": "string"}
_NUMBER: Final[Schema] = {"type": "number"}
_NUMBER_OR_NULL: Final[Schema] = {"type": ["number", "null"]}


def _record(properties: dict[str, Schema], *, closed: bool = True) -> Schema:
    """An object that has all of `properties`, and nothing else if `closed`."""
    schema: dict[str, object] = {
        "type": "object",
        "required": list(properties),
        "properties": properties,
    }
    return {**schema, "additionalProperties": False} if closed else schema


_VERBOSE: Final[dict[str, Schema]] = {
    "state": {"enum": ["loading", "ready", "failed", "draining"]},
    "since": {"type": "string", "format": "date-time"},
    "reason": {"type": ["string", "null"]},
    "running": {"type": "integer", "minimum": 0},
    "waiting": {"type": "integer", "minimum": 0},
}
"""What a probe says besides, when it is asked with `?verbose`."""

OK: Final[Schema] = {
    "type": "object",
    "required": ["message"],
    "properties": {"message": {"const": "OK"}, **_VERBOSE},
    "additionalProperties": False,
}

ERROR: Final = _record(
    {
        "message": {"type": "string", "description": "What went wrong, for people."},
        "request_id": {"type": "string", "description": "The log has it under this id."},
    },
    closed=False,
)

CHAT_ERROR: Final = _record(
    {
        "message": _TEXT,
        "request_id": _TEXT,
        "error": _record(
            {
                "message": _TEXT,
                "type": _TEXT,
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            }
        ),
    },
    closed=False,
)

CAPABILITIES: Final = _record(
    {
        "supported_payload_formats": {
            "type": "object",
            "description": "The names of the formats of tables.",
            "additionalProperties": {"type": "null"},
        },
        "supported_methods": _record({"chat": {"type": "boolean"}}),
    }
)

STATS: Final = _record(
    {
        "mem_info": _record(
            {
                **dict.fromkeys(("total", "avail", "free", "drum_rss"), _NUMBER),
                **dict.fromkeys(
                    ("container_limit", "container_max_used", "container_used"), _NUMBER_OR_NULL
                ),
            },
            closed=False,
        ),
        "drum_info": {
            "type": "array",
            "items": _record(
                {
                    "pid": {"type": "integer"},
                    "cmdline": {"type": "array", "items": _TEXT},
                    "mem": {"type": "number"},
                    "cpu_percent": {"type": "number"},
                },
                closed=False,
            ),
        },
        "time_info": _record(
            {
                "run_predictor_total": _record(
                    dict.fromkeys(("avg", "max", "min", "total"), _NUMBER_OR_NULL)
                )
            }
        ),
    },
    closed=False,
)


def info(target: Target | None) -> Schema:
    """What `/info/` tells of a model of `target`."""
    types = [item.value for item in TargetType] if target is None else [target.type.value]
    more: dict[str, Schema] = {}
    if isinstance(target, BinaryTarget):
        more = {
            "positiveClassLabel": {"const": target.positive},
            "negativeClassLabel": {"const": target.negative},
        }
    elif isinstance(target, (MulticlassTarget, MultilabelTarget)):
        more = {"classLabels": {"const": list(target.labels)}}
    return _record(
        {
            "codeDir": _TEXT,
            "targetType": {"enum": types},
            "language": {"enum": [item.value for item in Language]},
            "predictor": {"type": ["string", "null"]},
            "drumVersion": _TEXT,
            "drumServer": _TEXT,
            "modelMetadata": {"type": ["object", "null"]},
            **more,
        },
        closed=False,
    )
