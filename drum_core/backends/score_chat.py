"""Chat with a text model that has no chat hook: the last user message is its prompt."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from drum_core.data.payload import CSV, Payload
from drum_core.errors import MalformedRequestError
from drum_core.model.exchange import (
    ASSOCIATION_ID,
    Chat,
    ChatAnswer,
    ChatRequest,
    Completion,
    CompletionChunks,
    Predict,
)
from drum_core.model.text_parameters import llm_id, prompt_column
from drum_core.user.settings import Settings

__all__ = ["chat_by_predict"]

_DEFAULT_MODEL: Final = "datarobot-deployed-llm"
"""What DRUM's clients call a model whose name they do not know."""


def chat_by_predict(predict: Predict, settings: Settings, *, reads_csv: bool) -> Chat:
    """Chat answers that are predictions for one prompt, whole, or as a stream of one chunk.

    With `reads_csv` the prompt is given as CSV, for a hook that reads the input itself; otherwise
    as JSON, in which a text stays one whatever it looks like.
    """

    def answer(request: ChatRequest) -> ChatAnswer:
        row = {prompt_column(settings): _prompt(request.params["messages"])}
        predictions = predict(_csv(row) if reads_csv else _json(row))
        text = str(predictions.values[0, 0])
        if request.params.get("stream"):
            chunk = orjson.dumps(_content(request, text, llm_id(settings), chunk=True))
            return CompletionChunks(chunks=iter([chunk]), close=lambda: None)
        return Completion(_content(request, text, llm_id(settings), chunk=False))

    return Chat(answer=answer)


def _prompt(messages: object) -> str:
    """The text of the last message of the user; raises `MalformedRequestError` without one."""
    if isinstance(messages, Sequence):
        for message in reversed(messages):
            if isinstance(message, Mapping) and message.get("role") == "user":
                return _text(message.get("content"))
    raise MalformedRequestError(
        "This model answers the last message whose role is 'user', and there is none in messages.",
        param="messages",
    )


def _text(content: object) -> str:
    """The text of a message, whose parts are on lines of their own; the model gets no images."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, Sequence) else ()
    texts = [part.get("text") for part in parts if isinstance(part, Mapping)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _json(row: Mapping[str, str]) -> Payload:
    return Payload(data=orjson.dumps([row]), media_type="application/json")


def _csv(row: Mapping[str, str]) -> Payload:
    quoted = ('"' + text.replace('"', '""') + '"' for item in row.items() for text in item)
    return Payload(data="\n".join(quoted).encode() + b"\n", media_type=CSV)


def _content(
    request: ChatRequest, text: str, named: str | None, *, chunk: bool
) -> dict[str, object]:
    asked = request.params.get("model")
    message = {"role": "assistant", "content": text}
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion.chunk" if chunk else "chat.completion",
        "created": int(time.time()),
        "model": asked if isinstance(asked, str) and asked else named or _DEFAULT_MODEL,
        "choices": [
            {"index": 0, ("delta" if chunk else "message"): message, "finish_reason": "stop"}
        ],
        ASSOCIATION_ID: request.association_id,
    }
