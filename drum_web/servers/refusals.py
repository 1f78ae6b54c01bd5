"""What a server says to bytes that are no request, before any application sees them."""

from __future__ import annotations

from http import HTTPStatus

from drum_core.messages import Headers
from drum_core.serving.answers import error_response, standard_headers

__all__ = ["refusal"]


def refusal(status: int, text: str) -> bytes:
    """The whole answer: the envelope and the header fields of any other, and the connection ends.

    Nothing of what came is in it.
    """
    fields = standard_headers(Headers())
    answer = error_response(
        status,
        f"ERROR: {text}",
        request_id=fields[1][1],
        headers=[*fields, ("Connection", "close")],
    )
    assert isinstance(answer.body, bytes)
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.multi_items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body
