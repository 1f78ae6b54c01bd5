"""The texts of a chat: what was asked and what was answered, as monitoring keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

__all__ = ["answer_text", "content_text", "prompt_text", "streamed_text"]


def prompt_text(params: Mapping[str, object]) -> str:
    """The last message of a request; empty without one."""
    messages = params.get("messages")
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        return ""
    return content_text(_mapping(messages[-1]).get("content"))


def answer_text(completion: Mapping[str, object]) -> str:
    """The first choice of a whole answer; empty without one, or when it calls a tool."""
    return content_text(_mapping(_first_choice(completion).get("message")).get("content"))


def streamed_text(chunks: Iterable[bytes]) -> str:
    """The first choice of an answer in chunks, each a JSON text."""
    import orjson

    return "".join(_delta(orjson.loads(chunk)) for chunk in chunks)


def _delta(chunk: object) -> str:
    return content_text(_mapping(_first_choice(chunk).get("delta")).get("content"))


def _first_choice(answer: object) -> Mapping[object, object]:
    """The choice with the index 0; a chunk may be about another."""
    choices = _mapping(answer).get("choices")
    for choice in choices if isinstance(choices, list) else ():
        found = _mapping(choice)
        if found.get("index", 0) == 0:
            return found
    return {}


def content_text(content: object) -> str:
    """The content of a message, whose parts are on lines of their own."""
    if isinstance(content, list):
        return "\n".join(_part(part) for part in content)
    return content if isinstance(content, str) else ""


def _part(part: object) -> str:
    """A part of a message: its text, or what it is and how large, never its data."""
    if isinstance(part, str):
        return part
    described = _mapping(part)
    kind = described.get("type")
    content = described.get(kind) if isinstance(kind, str) else None
    match kind:
        case "text" | "refusal":
            return content if isinstance(content, str) else ""
        case "image_url":
            url = content if isinstance(content, str) else _mapping(content).get("url")
            return f"[image: {_place(url)}]"
        case "input_audio":
            audio = _mapping(content)
            return f"[audio: {audio.get('format', 'unknown')}, {_size(audio.get('data'))}]"
        case "file":
            file = _mapping(content)
            return f"[file: {file.get('filename') or file.get('file_id') or 'without a name'}]"
        case _:
            return f"[{kind if isinstance(kind, str) else 'unknown'}]"


def _place(url: object) -> str:
    """Where data is, without the query, which may hold a signature; or what it is."""
    if not isinstance(url, str):
        return "unknown"
    if not url.startswith("data:"):
        return url.partition("?")[0]
    comma = url.find(",")
    media_type = url[5:comma].partition(";")[0] if comma > 0 else ""
    return f"{media_type or 'data'}, {_size(url, start=comma + 1)}"


def _size(base64: object, start: int = 0) -> str:
    if not isinstance(base64, str):
        return "0 bytes"
    return f"{(len(base64) - start) * 3 // 4 - base64[-2:].count('=')} bytes"


def _mapping(value: object) -> Mapping[object, object]:
    return value if isinstance(value, Mapping) else {}
