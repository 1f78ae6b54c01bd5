"""What a worker and the process of its model say to each other: pickled, one answer to each.

A stream is pulled: each chunk is asked for, so that a model is never ahead of its reader, and a
stream that is left is closed where it stands.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from drum_core.errors import PredictionError
from drum_core.isolation.errors import CarriedError, carried
from drum_core.messages import Headers

if TYPE_CHECKING:
    from drum_core.model.model import ModelInfo
    from drum_core.options.server import ServerOptions

__all__ = [
    "Answer",
    "Answered",
    "Call",
    "ChatCall",
    "Chunk",
    "Close",
    "Ended",
    "Failed",
    "Left",
    "Loaded",
    "Next",
    "Start",
    "Stop",
    "packed",
]


@dataclass(frozen=True, slots=True)
class Start:
    """Load this model."""

    options: ServerOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """It is there; `abilities` are the fields of `Model` that it has.

    `models` is what it lists, asked once, or why it cannot.
    """

    info: ModelInfo
    abilities: frozenset[str]
    models: list[Mapping[str, object]] | CarriedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Do what `ability` says with the arguments, for a request."""

    number: int
    ability: str
    arguments: tuple[object, ...]
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall:
    """The argument of a chat: what of a `ChatRequest` crosses."""

    params: Mapping[str, object]
    headers: Headers
    association_id: str


@dataclass(frozen=True, slots=True)
class Left:
    """The client of a call has gone; not answered."""

    number: int


@dataclass(frozen=True, slots=True)
class Next:
    """Make the next chunk."""


@dataclass(frozen=True, slots=True)
class Close:
    """End the stream, also one that has come to its end."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the process; not answered."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The value of a call; `streams` says that it is made of chunks instead."""

    value: object
    peak_memory: int
    streams: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """One part of a stream."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """A stream has no more, or is closed."""


@dataclass(frozen=True, slots=True)
class Failed:
    """What was asked raised."""

    error: CarriedError


Answer: TypeAlias = Loaded | Answered | Chunk | Ended | Failed


def packed(answer: Answer) -> bytes:
    """An answer as bytes; one that cannot cross becomes the error that says so."""
    try:
        return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # whatever the objects of a model raise
        told = PredictionError(
            "The answer of the model cannot leave its process, because it holds what cannot be "
            f"pickled ({type(error).__name__}: {error}). Return plain values, or serve the model "
            "without --isolate."
        )
        return pickle.dumps(Failed(carried(told)), pickle.HIGHEST_PROTOCOL)
