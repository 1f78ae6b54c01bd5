"""What goes into a model and what comes out, where it is not a table with predictions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from drum_core.data.payload import Payload
from drum_core.messages import Headers, Query

if TYPE_CHECKING:
    from pandas import DataFrame

    from drum_core.data.predictions import Predictions

__all__ = [
    "Chat",
    "ChatAnswer",
    "ChatRequest",
    "Completion",
    "CompletionChunks",
    "ListModels",
    "Predict",
    "Transform",
    "Transformed",
    "Unstructured",
    "UnstructuredAnswer",
    "UnstructuredRequest",
]

Predict: TypeAlias = "Callable[[Payload], Predictions]"
"""Predicts on a table. Raises `InputError` for data it cannot read, `PredictionError` when the
model fails, `UserHTTPError` when a hook chose the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformed:
    """A transformed table, and the target that came with it, unchanged.

    A sparse table has sparse columns throughout (`DataFrame.sparse`).
    """

    table: DataFrame
    sparse: bool = False
    target: DataFrame | None = None


Transform: TypeAlias = Callable[[Payload, Payload | None], Transformed]
"""Transforms a table, with or without a target. Raises as `Predict`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnstructuredRequest:
    """What an unstructured model is given: bytes, with the content type as it was sent."""

    data: bytes
    content_type: str = ""
    query: Query = field(default_factory=Query)
    headers: Headers = field(default_factory=Headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnstructuredAnswer:
    """What an unstructured model gave: bytes, or a text as bytes, and its content type.

    `charset` is `None` for bytes without one.
    """

    data: bytes
    mimetype: str
    charset: str | None = None
    is_none: bool = False
    """Whether the hook returned `None`."""


Unstructured: TypeAlias = Callable[[UnstructuredRequest], UnstructuredAnswer]
"""Runs an unstructured model. Raises `PredictionError` for an answer of another kind, and what
the hook raises, as `HookFailedError` or `UserHTTPError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A request of the OpenAI chat API: its JSON object, and the HTTP headers."""

    params: Mapping[str, object]
    headers: Headers = field(default_factory=Headers)


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer, as a JSON object of the API."""

    content: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class CompletionChunks:
    """An answer in pieces, each a JSON text of the API; exactly one of the two is set.

    Whoever takes it closes the iterator.
    """

    sync_chunks: Iterator[bytes] | None = None
    async_chunks: AsyncIterator[bytes] | None = None


ChatAnswer: TypeAlias = Completion | CompletionChunks

Chat: TypeAlias = Callable[[ChatRequest], ChatAnswer | Awaitable[ChatAnswer]]
"""Answers a chat request, at once or when awaited on the loop of the caller's choice."""

ListModels: TypeAlias = Callable[[], list[Mapping[str, object]]]
"""The models of `/v1/models`, as JSON objects."""
