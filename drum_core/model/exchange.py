"""What goes into a model and what comes out, where it is not a table with predictions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from drum_core.data.payload import Payload
from drum_core.data.sparse import as_dense
from drum_core.messages import Headers, Query

if TYPE_CHECKING:
    from pandas import DataFrame

    from drum_core.data.predictions import Predictions

__all__ = [
    "ASSOCIATION_ID",
    "AsyncChatAnswer",
    "AsyncCompletionChunks",
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

    def dense(self) -> DataFrame:
        """The table with ordinary columns."""
        return as_dense(self.table)


Transform: TypeAlias = Callable[[Payload, Payload | None], Transformed]
"""Transforms a table, with or without a target. Raises as `Predict`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnstructuredRequest:
    """What an unstructured model is given: bytes, with the content type as it was sent.

    `default_charset` is that of a text whose content type names none. `mlops` is what a hook
    reports to the deployment's monitoring with, where it is monitored.
    """

    data: bytes
    content_type: str = ""
    default_charset: str = "utf-8"
    query: Query = field(default_factory=Query)
    headers: Headers = field(default_factory=Headers)
    mlops: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnstructuredAnswer:
    """What an unstructured model gave: bytes, or a text as bytes, and its content type.

    `charset` is `None` for bytes without one; a text always has one.
    """

    data: bytes
    mimetype: str
    charset: str | None = None
    is_text: bool = False
    """Whether the hook returned a `str`."""
    is_none: bool = False
    """Whether the hook returned `None`."""

    @property
    def content_type(self) -> str:
        """The value of a Content-Type header."""
        return f"{self.mimetype}; charset={self.charset}" if self.charset else self.mimetype


Unstructured: TypeAlias = Callable[[UnstructuredRequest], UnstructuredAnswer]
"""Runs an unstructured model. Raises `PredictionError` for an answer of another kind, and what
the hook raises, as `HookFailedError` or `UserHTTPError`."""


ASSOCIATION_ID: Final = "datarobot_association_id"
"""What joins a chat answer with what later becomes known of it, in requests and in answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A request of the OpenAI chat API: its JSON object, and the HTTP headers.

    `association_id` is given to the answer, or to each of its chunks. `abandoned` says whether
    the client has left; a model that waits for something asks it.
    """

    params: Mapping[str, object]
    headers: Headers = field(default_factory=Headers)
    association_id: str = ""
    abandoned: Callable[[], bool] = field(default=lambda: False)


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer, as a JSON object of the API."""

    content: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionChunks:
    """An answer in pieces, each a JSON text of the API.

    Whoever takes it iterates it in the thread it was given in, and calls `close` there.
    """

    chunks: Iterator[bytes]
    close: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncCompletionChunks:
    """As `CompletionChunks`, for the task it was given in."""

    chunks: AsyncIterator[bytes]
    aclose: Callable[[], Awaitable[None]]


ChatAnswer: TypeAlias = Completion | CompletionChunks
AsyncChatAnswer: TypeAlias = Completion | AsyncCompletionChunks


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """How a model answers chat requests: always in a thread, and perhaps on an event loop.

    `answer` blocks until the answer, or its first chunk, is about to come. `answer_async`, if
    there is one, needs no thread, and many calls of it may run at once; it may be used where
    `on_loop` says, on the running loop, that this is the loop of the model. Both raise as
    `Unstructured`, and `AbandonedError` when the client left.
    """

    answer: Callable[[ChatRequest], ChatAnswer]
    answer_async: Callable[[ChatRequest], Awaitable[AsyncChatAnswer]] | None = None
    on_loop: Callable[[], bool] = field(default=lambda: False)
    concurrent: bool = False
    """Whether many calls of `answer` may run at once, each in a thread of its own."""


ListModels: TypeAlias = Callable[[], list[Mapping[str, object]]]
"""The models of `/v1/models`, as JSON objects."""
