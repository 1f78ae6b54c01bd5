"""What a chat hook returns, as JSON: objects of the openai package, pydantic models, dicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from drum_core.errors import PredictionError
from drum_core.model.exchange import ASSOCIATION_ID, Completion

__all__ = ["chunk_json", "completion_of", "listed_model", "not_an_answer"]

_EXPECTED: Final = "Expected response to be ChatCompletion or Iterable[ChatCompletionChunk]"


def completion_of(answer: object, association_id: str) -> Completion | None:
    """The whole answer, with its association id; `None` for what is not one.

    Raises `PredictionError` when it says it is one and cannot be written as JSON.
    """
    if _kind(answer) != "chat.completion":
        return None
    _associate(answer, association_id)
    content = _content(answer)
    content.setdefault(ASSOCIATION_ID, association_id)
    return Completion(_plain(content))


def chunk_json(chunk: object, association_id: str) -> bytes:
    """The JSON text of a chunk, with its association id. Raises `PredictionError`."""
    kind = _kind(chunk)
    to_json: object = getattr(chunk, "to_json", None)
    # An object of another name with the attributes of a chunk is one too.
    known = kind == "chat.completion.chunk" or (kind is None and callable(to_json))
    if not known:
        raise not_an_answer(chunk, within="an iterable with the item ")
    if callable(to_json):
        _associate(chunk, association_id)
        text: object = to_json(indent=None)
        if isinstance(text, str):
            return text.encode()
        if isinstance(text, bytes):
            return text
        raise PredictionError(f"to_json of a chat chunk returned {text!r}; expected a text.")
    content = _content(chunk)
    content[ASSOCIATION_ID] = association_id
    return _json(content)


def listed_model(item: object) -> Mapping[str, object] | None:
    """A model of the API as a JSON object; `None` for what is not one."""
    return _plain(_content(item)) if _kind(item) == "model" else None


def not_an_answer(answer: object, *, within: str = "") -> PredictionError:
    """The error for what a chat hook may not return."""
    shown = repr(answer)
    shown = f"{shown[:200]}…" if len(shown) > 200 else shown
    return PredictionError(
        f"{_EXPECTED}; the hook chat returned {within}{shown}, which is of the type "
        f"{type(answer).__name__}. A completion has object == 'chat.completion', a chunk "
        "object == 'chat.completion.chunk'; dicts and pydantic models will do."
    )


def _kind(item: object) -> object:
    if isinstance(item, Mapping):
        return item.get("object")
    return getattr(item, "object", None)


def _associate(item: object, association_id: str) -> None:
    if not isinstance(item, Mapping):
        with suppress(AttributeError, TypeError, ValueError):  # frozen, or of fixed fields
            setattr(item, ASSOCIATION_ID, association_id)


def _content(item: object) -> dict[str, object]:
    """The fields of an object of the API."""
    if isinstance(item, Mapping):
        return dict(item)
    to_dict: object = getattr(item, "to_dict", None)
    found: object = to_dict() if callable(to_dict) else _dumped(item)
    if not isinstance(found, Mapping):
        raise PredictionError(
            f"A {type(item).__name__} cannot be written as JSON: it needs a method to_dict() that "
            "returns a dict, as the objects of the openai package have."
        )
    return dict(found)


def _dumped(item: object) -> object:
    dump: Callable[..., object] | None = getattr(item, "model_dump", None)
    return dump(mode="json") if callable(dump) else None


def _json(content: Mapping[str, object]) -> bytes:
    import orjson

    try:
        options = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
        return orjson.dumps(content, default=_inner, option=options)
    except TypeError as error:
        raise PredictionError(
            f"The answer of the hook chat cannot be written as JSON: {error}."
        ) from error


def _inner(item: object) -> object:
    """An object of the API inside a dict."""
    return _content(item)


def _plain(content: Mapping[str, object]) -> dict[str, object]:
    """Of JSON's own types throughout."""
    import orjson

    plain: dict[str, object] = orjson.loads(_json(content))
    return plain
