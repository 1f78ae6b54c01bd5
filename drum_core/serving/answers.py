"""Responses that the core makes itself: JSON bodies, the error envelope, standard headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final

import orjson

from drum_core.messages import Headers, Response
from drum_core.security.headers import SECURITY_HEADERS
from drum_core.serving.request_id import REQUEST_ID_HEADERS, current_request_id, request_id_of
from drum_core.telemetry.access_log import log_unrouted
from drum_core.version import __version__

__all__ = [
    "CLIENT_LEFT_STATUS",
    "bytes_response",
    "client_left_response",
    "error_response",
    "fallback_response",
    "json_response",
    "standard_headers",
]

CLIENT_LEFT_STATUS: Final = 499
"""For the log and the metrics: nobody was there to read an answer."""

_JSON = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS


def bytes_response(
    body: bytes,
    content_type: str,
    *,
    status: int = 200,
    headers: Iterable[tuple[str, str]] = (),
) -> Response:
    """A response of known length."""
    fields = [("Content-Type", content_type), ("Content-Length", str(len(body))), *headers]
    return Response(status=status, headers=Headers(fields), body=body)


def json_response(
    content: Mapping[str, object],
    *,
    status: int = 200,
    headers: Iterable[tuple[str, str]] = (),
) -> Response:
    """A JSON object, compact, keys sorted, NaN as null, with a line end."""
    body = orjson.dumps(content, option=_JSON)
    return bytes_response(body, "application/json", status=status, headers=headers)


def error_response(
    status: int,
    message: str,
    *,
    request_id: str = "",
    headers: Iterable[tuple[str, str]] = (),
    more: Mapping[str, object] | None = None,
) -> Response:
    """The one shape of an error: `message` as DRUM's clients read it, and the request id.

    `more` are keys that a kind of error has besides. What of the message is no Unicode text, as in
    the name of a file, is escaped.
    """
    content: dict[str, object] = {
        "message": message.encode("utf-8", "backslashreplace").decode("utf-8"),
        "request_id": request_id or current_request_id.get(),
        **(more or {}),
    }
    return json_response(content, status=status, headers=headers)


def client_left_response() -> Response:
    """What is answered when nobody is there to read it: status 499, for the log."""
    return bytes_response(b"", "text/plain", status=CLIENT_LEFT_STATUS)


def standard_headers(received: Headers) -> list[tuple[str, str]]:
    """The fields that every response carries, whoever made it."""
    request_id = current_request_id.get() or request_id_of(received)
    identity = [(name, request_id) for name in REQUEST_ID_HEADERS]
    return [("X-Drum-Version", __version__), *identity, *SECURITY_HEADERS]


def fallback_response(
    status: int, *, method: str, path: str, received: Headers, allow: Iterable[str] = ()
) -> Response:
    """What a host that DRUM owns answers where no route does: 404, 405 or 500.

    `allow` are the methods that the path takes, for 405. Has the standard headers.
    """
    fields = standard_headers(received)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        methods = ", ".join(sorted(set(allow)))
        text = f"ERROR: {path} does not take {method}; it takes {methods}."
        extra = [("Allow", methods)]
    elif status == HTTPStatus.NOT_FOUND:
        text, extra = f"ERROR: there is nothing at {path}.", []
    else:
        text, extra = f"ERROR: {HTTPStatus(status).phrase}.", []
    log_unrouted(method, path, status, fields[1][1])
    response = error_response(status, text, request_id=fields[1][1], headers=[*extra, *fields])
    if method == "HEAD":
        return Response(status=status, headers=response.headers)
    return response
