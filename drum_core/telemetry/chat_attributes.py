"""Chats as attributes of spans: DRUM's, and those of OpenTelemetry's GenAI conventions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import orjson

from drum_core.monitoring.chat_texts import content_text

__all__ = ["Attributes", "answer_attributes", "asked_attributes", "joined_chunks"]

Attributes: TypeAlias = dict[str, str | int]


def asked_attributes(params: Mapping[str, object], *, content: bool) -> Attributes:
    """Of a request; without `content` nothing of what was said."""
    found: Attributes = {"gen_ai.operation.name": "chat"}
    if isinstance(model := params.get("model"), str):
        found["gen_ai.request.model"] = model
    messages = params.get("messages")
    if not content or not isinstance(messages, list):
        return found
    told = []
    for number, message in enumerate(map(_mapping, messages)):
        role, text = str(message.get("role", "")), content_text(message.get("content"))
        found[f"gen_ai.prompt.{number}.role"] = role
        found[f"gen_ai.prompt.{number}.content"] = found["gen_ai.prompt"] = text
        told.append({"role": role, "parts": [{"type": "text", "content": text}]})
    found["gen_ai.input.messages"] = orjson.dumps(told).decode()
    return found


def answer_attributes(answer: Mapping[str, object], *, content: bool) -> Attributes:
    """Of a whole completion."""
    found: Attributes = {}
    for key, name in (("model", "gen_ai.response.model"), ("id", "gen_ai.response.id")):
        if isinstance(value := answer.get(key), str):
            found[name] = value
    usage = _mapping(answer.get("usage"))
    for key, name in (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens")):
        if isinstance(count := usage.get(key), int):
            found[f"gen_ai.usage.{name}"] = count
    choices = answer.get("choices")
    if not content or not isinstance(choices, list):
        return found
    told = []
    for number, choice in enumerate(map(_mapping, choices)):
        message = _mapping(choice.get("message"))
        role, text = str(message.get("role", "")), content_text(message.get("content"))
        found[f"gen_ai.completion.{number}.role"] = role
        found[f"gen_ai.completion.{number}.content"] = found["gen_ai.completion"] = text
        parts = [{"type": "text", "content": text}]
        reason = str(choice.get("finish_reason") or "")
        told.append({"role": role, "parts": parts, "finish_reason": reason})
    found["gen_ai.output.messages"] = orjson.dumps(told).decode()
    return found


def joined_chunks(chunks: Iterable[bytes]) -> Mapping[str, object]:
    """The completion that chunks, each a JSON text, come to."""
    whole: dict[str, object] = {}
    choices: dict[int, dict[str, object]] = {}
    texts: dict[int, list[str]] = {}
    for chunk in map(_mapping, map(orjson.loads, chunks)):
        whole.update((key, chunk[key]) for key in ("id", "model", "usage") if chunk.get(key))
        listed = chunk.get("choices")
        for choice in map(_mapping, listed if isinstance(listed, list) else ()):
            index = choice.get("index", 0)
            if not isinstance(index, int):
                continue
            known = choices.setdefault(index, {"message": {"role": "assistant"}})
            delta = _mapping(choice.get("delta"))
            if role := delta.get("role"):
                known["message"] = {"role": role}
            texts.setdefault(index, []).append(content_text(delta.get("content")))
            known["finish_reason"] = choice.get("finish_reason") or known.get("finish_reason")
    whole["choices"] = [
        {**choice, "message": {**_mapping(choice["message"]), "content": "".join(texts[index])}}
        for index, choice in sorted(choices.items())
    ]
    return whole


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
