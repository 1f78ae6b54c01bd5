"""What is said about an endpoint, beside its paths: what it takes and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["Answered", "Content", "Operation", "Schema", "reference"]

Schema: TypeAlias = Mapping[str, object]
"""A JSON Schema, in the dialect of OpenAPI 3.1 (2020-12)."""

Content: TypeAlias = Mapping[str, Schema]
"""From media type to what a body of it is."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One kind of answer: when it is given, and its body."""

    when: str
    content: Content = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One endpoint, for people and for the makers of clients.

    `errors` are the statuses that it has beside those that every route of its policy has. Where
    `hook_answers`, code of the model may choose any other status. `takes` is empty where no body
    is looked at.
    """

    group: str
    summary: str
    description: str = ""
    takes: Content = field(default_factory=dict)
    body_required: bool = True
    answers: Mapping[int, Answered] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    error_schema: str = "Error"
    hook_answers: bool = False


def reference(name: str) -> Schema:
    """The schema of that name among the components of the document."""
    return {"$ref": f"#/components/schemas/{name}"}
