"""Unstructured models: the hook `score_unstructured`, whatever it takes and gives."""

from __future__ import annotations

import re
from typing import Final

from drum_core.backends.query import QueryArguments
from drum_core.errors import HookError, InputError, PredictionError
from drum_core.model.exchange import Unstructured, UnstructuredAnswer, UnstructuredRequest
from drum_core.model.hooks import Hook, Hooks

__all__ = ["unstructured"]

_TEXT: Final = "text/plain"
_BYTES: Final = "application/octet-stream"
_CHARSET: Final = re.compile(r';\s*charset\s*=\s*(?:"([^"]*)"|([^\s;]+))', re.IGNORECASE)
_HEADER: Final = re.compile(r"[\x20-\x7e]+")


def unstructured(hooks: Hooks, model: object) -> Unstructured:
    """The hook as a function of the request. Raises `HookError` when there is none."""
    hook = hooks.score_unstructured
    if hook is None:
        where = hooks.path or f"{hooks.code.folder}: no custom.py with hooks was found"
        hint = "".join(f" {sentence}" for sentence in hooks.near_misses)
        raise HookError(
            f"{where}: an unstructured model needs the hook score_unstructured(model, data, "
            f"**kwargs) in custom.py.{hint}"
        )

    def answer(request: UnstructuredRequest) -> UnstructuredAnswer:
        return _answer(_called(hook, model, request))

    return answer


def _called(hook: Hook, model: object, request: UnstructuredRequest) -> object:
    """What the hook returns, for a text if the content type says text or JSON, else for bytes."""
    mimetype, charset = _split(request.content_type)
    mimetype = mimetype or _TEXT
    is_text = mimetype.startswith("text/") or mimetype == "application/json"
    if is_text:
        charset = charset or request.default_charset
    told: dict[str, object] = {
        "mimetype": mimetype,
        "query": QueryArguments(request.query),
        "headers": dict(request.headers),
    }
    if charset is not None:
        told["charset"] = charset
    if request.mlops is not None:
        told["mlops"] = request.mlops
    data = _decoded(request.data, charset or "") if is_text else request.data
    return hook(model, data, **told)


def _split(content_type: str) -> tuple[str, str | None]:
    """The media type as it was written, and its charset."""
    found = _CHARSET.search(content_type)
    charset = (found[1] or found[2]) if found else None
    return content_type.partition(";")[0].strip(), charset


def _decoded(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset)
    except LookupError as error:
        raise InputError(
            f"The charset {charset!r} of the Content-Type is not known; use utf-8."
        ) from error
    except UnicodeError as error:
        raise InputError(
            f"The input is not in the charset {charset!r} of its Content-Type: {error}. Name the "
            "right charset, or send application/octet-stream so that the model gets the bytes."
        ) from error


def _answer(returned: object) -> UnstructuredAnswer:
    """Raises `PredictionError` for what is no answer."""
    data, details = returned, None
    if isinstance(returned, tuple):
        if len(returned) != 2:
            raise PredictionError(
                "The hook score_unstructured must return text, bytes, None, or one of them in a "
                f"tuple with a dict; got a tuple of {len(returned)} items."
            )
        data, details = returned
    if data is not None and not isinstance(data, (str, bytes)):
        raise PredictionError(
            "The hook score_unstructured must return text, bytes or None, also as the first item "
            f"of a tuple; got {type(data).__name__}."
        )
    if details is not None and not isinstance(details, dict):
        raise PredictionError(
            "The second item of what the hook score_unstructured returns must be a dict with the "
            f"keys mimetype and charset, or None; got {type(details).__name__}."
        )
    details = details or {}
    written = _detail(details, "mimetype") or ""
    named = _CHARSET.sub("", written).strip()
    charset = _detail(details, "charset") or _split(written)[1]
    if isinstance(data, bytes):
        return UnstructuredAnswer(data=data, mimetype=named or _BYTES, charset=charset)
    charset = charset or "utf-8"
    return UnstructuredAnswer(
        data=_encoded(data or "", charset),
        mimetype=named or _TEXT,
        charset=charset,
        is_text=data is not None,
        is_none=data is None,
    )


def _detail(details: dict[object, object], key: str) -> str | None:
    value = details.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _HEADER.fullmatch(value):
        raise PredictionError(
            f"The hook score_unstructured returned the {key} {value!r}; expected a text that fits "
            "into a Content-Type header."
        )
    return value


def _encoded(text: str, charset: str) -> bytes:
    try:
        return text.encode(charset)
    except LookupError as error:
        raise PredictionError(
            f"The hook score_unstructured returned the charset {charset!r}, which is not known."
        ) from error
    except UnicodeError as error:
        raise PredictionError(
            f"The hook score_unstructured returned a text that its charset {charset!r} cannot "
            f"hold: {error}. Return the charset utf-8, which can."
        ) from error
