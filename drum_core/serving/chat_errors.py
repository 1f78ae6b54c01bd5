"""Errors as the clients of the OpenAI API read them, and as DRUM's do: one body for both."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import orjson

from drum_core.errors import (
    AbsentAbilityError,
    LoadFailedError,
    MalformedRequestError,
    NotReadyError,
    UserHTTPError,
)
from drum_core.limit_errors import (
    BodyTooLargeError,
    BusyError,
    ClientLeftError,
    DeadlineExceededError,
)
from drum_core.messages import Response
from drum_core.security.errors import UnauthorizedError
from drum_core.serving.answers import json_response
from drum_core.serving.errors import answer_to

__all__ = ["chat_answer_to", "chat_error_event"]

_logger = logging.getLogger(__name__)

_CODES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (UnauthorizedError, "invalid_api_key"),
    (AbsentAbilityError, "not_supported"),
    (BodyTooLargeError, "request_too_large"),
    (MalformedRequestError, "invalid_request"),
    (BusyError, "overloaded"),
    (DeadlineExceededError, "deadline_exceeded"),
    (LoadFailedError, "model_failed"),
    (NotReadyError, "model_not_ready"),
    (UserHTTPError, "model_refused"),
)

_TYPES: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
    HTTPStatus.SERVICE_UNAVAILABLE: "service_unavailable_error",
    HTTPStatus.GATEWAY_TIMEOUT: "timeout_error",
}

_MADE_ANEW: Final = frozenset({"content-type", "content-length"})


def chat_answer_to(error: Exception) -> Response:
    """As `answer_to`, with the key `error` that holds message, type, param and code."""
    plain = answer_to(error)
    if isinstance(error, ClientLeftError):
        return plain  # nobody reads it
    content = _content(error, plain)
    kept = [item for item in plain.headers.multi_items() if item[0].lower() not in _MADE_ANEW]
    return json_response(content, status=plain.status, headers=kept)


def chat_error_event(error: Exception) -> bytes:
    """The JSON text of an error in mid-stream, when the status has been sent; logs it."""
    if isinstance(error, UserHTTPError):  # others are logged by `answer_to`
        _logger.warning("a chat stream was ended by its hook: %s", error, exc_info=error)
    return orjson.dumps(_content(error, answer_to(error)))


def _content(error: Exception, plain: Response) -> dict[str, object]:
    assert isinstance(plain.body, bytes)
    content: dict[str, object] = orjson.loads(plain.body)
    content["error"] = {
        "message": content.get("message"),
        "type": _TYPES.get(plain.status, _type(plain.status)),
        "param": error.param if isinstance(error, MalformedRequestError) else None,
        "code": next((code for kind, code in _CODES if isinstance(error, kind)), None),
    }
    return content


def _type(status: int) -> str:
    return "invalid_request_error" if status < 500 else "server_error"
