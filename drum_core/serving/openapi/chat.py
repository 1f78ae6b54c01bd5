"""Schemas of the chat API, as far as it is the server's business; the rest is the model's.

After OpenAI's reference of `POST /chat/completions` and `GET /models`.
"""

from __future__ import annotations

from typing import Final

from drum_core.serving.openapi.operation import Schema, reference

__all__ = ["CHAT_SCHEMAS", "EVENTS"]

_MESSAGE: Final[Schema] = {
    "type": "object",
    "properties": {
        "role": {"type": "string", "examples": ["user"]},
        "content": {
            "description": "A text, or parts such as a text and an image.",
            "type": ["string", "array", "null"],
        },
    },
    "examples": [{"role": "user", "content": "Hello"}],
}

_REQUEST: Final[Schema] = {
    "type": "object",
    "description": "All keys but these are handed to the model as they are.",
    "required": ["messages"],
    "properties": {
        "model": {"type": "string"},
        "messages": {"type": "array", "minItems": 1, "items": reference("ChatMessage")},
        "stream": {
            "type": ["boolean", "null"],
            "description": "Asks for events; what the model returns decides.",
        },
        "datarobot_association_id": {
            "type": ["string", "null"],
            "description": "Given to the answer, and to each chunk of a stream; else a new UUID.",
        },
    },
}

_CREATED: Final[Schema] = {"type": "integer", "description": "In seconds since 1970."}


def _answer(kind: str, part: str) -> Schema:
    """A completion, or a chunk of one, whose choices have the key `part`."""
    choice = {
        "type": "object",
        "properties": {
            "index": {"type": "integer"},
            part: {"type": "object"},
            "finish_reason": {"type": ["string", "null"]},
        },
    }
    return {
        "type": "object",
        "required": ["object", "datarobot_association_id"],
        "properties": {
            "object": {"const": kind},
            "id": {"type": "string"},
            "created": _CREATED,
            "model": {"type": "string"},
            "choices": {"type": "array", "items": choice},
            "usage": {"type": ["object", "null"]},
            "datarobot_association_id": {"type": "string"},
        },
    }


_MODEL: Final[Schema] = {
    "type": "object",
    "required": ["object"],
    "properties": {
        "object": {"const": "model"},
        "id": {"type": "string"},
        "created": _CREATED,
        "owned_by": {"type": "string"},
    },
}

CHAT_SCHEMAS: Final[dict[str, Schema]] = {
    "ChatMessage": _MESSAGE,
    "ChatCompletionRequest": _REQUEST,
    "ChatCompletion": _answer("chat.completion", "message"),
    "ChatCompletionChunk": _answer("chat.completion.chunk", "delta"),
    "Models": {
        "type": "object",
        "required": ["object", "data"],
        "properties": {
            "object": {"const": "list"},
            "data": {"type": "array", "items": _MODEL},
        },
    },
}

EVENTS: Final[Schema] = {
    "description": "Server-sent events, each `data: ` and a ChatCompletionChunk or, when it fails, "
    "a ChatError; `data: [DONE]` is the last of a stream that is whole.",
}
