"""What an exception is to an HTTP client: the table of statuses, and the response."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from drum_core.errors import (
    AbsentAbilityError,
    CompressionError,
    ContentCodingError,
    DrumError,
    HookFailedError,
    InputTooLargeError,
    LoadFailedError,
    MalformedRequestError,
    NotReadyError,
    RequestError,
    SchemaError,
    UserHTTPError,
)
from drum_core.limit_errors import (
    BodyTooLargeError,
    BusyError,
    ClientLeftError,
    DeadlineExceededError,
    SlowBodyError,
    SpoolError,
)
from drum_core.messages import Response
from drum_core.security.errors import MisdirectedError, UnauthorizedError
from drum_core.serving.answers import client_left_response, error_response
from drum_core.upstream.errors import UpstreamError
from drum_core.user.errors import HookBadRequestError, user_answer
from drum_core.user.masking import masked

__all__ = ["MODEL_FAILED_STATUS", "USER_ERROR_HEADER", "answer_to"]

_logger = logging.getLogger(__name__)

MODEL_FAILED_STATUS: Final = 513
"""DRUM's own status for a model that could not be loaded."""

USER_ERROR_HEADER: Final = "X-Drum-User-Http-Error"

_STATUSES: Final[tuple[tuple[type[DrumError], int], ...]] = (
    (BodyTooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (SlowBodyError, HTTPStatus.REQUEST_TIMEOUT),
    (InputTooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (UnauthorizedError, HTTPStatus.UNAUTHORIZED),
    (MisdirectedError, HTTPStatus.MISDIRECTED_REQUEST),
    (ContentCodingError, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (CompressionError, HTTPStatus.BAD_REQUEST),
    (MalformedRequestError, HTTPStatus.BAD_REQUEST),
    (AbsentAbilityError, HTTPStatus.NOT_FOUND),
    (RequestError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (SchemaError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (LoadFailedError, MODEL_FAILED_STATUS),
    (NotReadyError, HTTPStatus.SERVICE_UNAVAILABLE),
    (BusyError, HTTPStatus.SERVICE_UNAVAILABLE),
    (SpoolError, HTTPStatus.INSUFFICIENT_STORAGE),
    (UpstreamError, HTTPStatus.BAD_GATEWAY),
    (DeadlineExceededError, HTTPStatus.GATEWAY_TIMEOUT),
    (DrumError, HTTPStatus.INTERNAL_SERVER_ERROR),
)
"""The first class that fits decides."""

_RETRY_SECONDS: Final = 2
"""Where nobody can say it: a model that is loading."""


def answer_to(error: Exception, *, more: Mapping[str, object] | None = None) -> Response:
    """The response for what went wrong while a request was answered; `more` are keys to add.

    The texts of `DrumError` are for users and go out; of any other exception the client learns
    the request id only, and the log has the traceback.
    """
    if isinstance(error, UserHTTPError):
        status, message = user_answer(error)
        return error_response(status, message, headers=[(USER_ERROR_HEADER, "true")])
    if isinstance(error, HookBadRequestError):
        return error_response(HTTPStatus.BAD_REQUEST, str(error), more={"error": str(error)})
    if isinstance(error, ClientLeftError):
        return client_left_response()
    if not isinstance(error, DrumError):
        _logger.error("a request failed by an unexpected error", exc_info=error)
        text = "ERROR: an internal error; the server's log has it under this request id."
        return error_response(HTTPStatus.INTERNAL_SERVER_ERROR, text)
    status = next(status for kind, status in _STATUSES if isinstance(error, kind))
    headers = []
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        known = error.retry_after if isinstance(error, BusyError) else None
        headers.append(("Retry-After", str(known or _RETRY_SECONDS)))
    if isinstance(error, UnauthorizedError):
        headers.append(("WWW-Authenticate", error.challenge))
    if isinstance(error, ContentCodingError):
        headers.append(("Accept-Encoding", ", ".join(error.accepted)))
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _logger.error("%s", error, exc_info=_cause(error))
    more = {**(more or {})}
    if isinstance(error, SchemaError):
        more["is_schema_validation_error"] = True
    return error_response(status, f"ERROR: {masked(str(error))}", headers=headers, more=more)


def _cause(error: DrumError) -> BaseException | None:
    """What user code raised, for its traceback; that of bad data would only fill the log."""
    return error.__cause__ if isinstance(error, HookFailedError) else None
