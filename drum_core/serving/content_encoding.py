"""Content-Encoding of request bodies (RFC 9110, section 8.4): unpacked before they are read."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from drum_core.data.compression import available_codings, unpacked
from drum_core.errors import ContentCodingError, DrumError, InputTooLargeError
from drum_core.limit_errors import BodyTooLargeError
from drum_core.messages import (
    AsyncResponse,
    Body,
    BodyRules,
    BodyWriter,
    Headers,
    Request,
    Response,
)

__all__ = ["decoding", "decoding_async"]

_ALIASES: Final = {"x-gzip": "gzip"}
_NOTHING: Final = frozenset({"", "identity"})
_MOST: Final = 2
"""Codings one after another; more of them is nothing but a way to burden the server."""


def decoding(answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """An `answer` that is given bodies as they were before they were encoded.

    It raises `ContentCodingError` for a coding that is not taken, `CompressionError` for a body
    that is damaged or cut short, and `InputTooLargeError` as soon as one unpacks to more than the
    limit of bodies: no more than that is ever unpacked.
    """

    def decoded(request: Request) -> Response:
        codings = _codings(request.headers)
        if not codings:
            return answer(request)
        with _replaced(request, _unpacked(request.body, codings)) as plain:
            return answer(plain)

    return decoded


def decoding_async(
    answer: Callable[[Request], Awaitable[AsyncResponse]],
) -> Callable[[Request], Awaitable[AsyncResponse]]:
    """As `decoding`, for an answer on an event loop; bodies are unpacked in a thread."""

    async def decoded(request: Request) -> AsyncResponse:
        codings = _codings(request.headers)
        if not codings:
            return await answer(request)
        body = await asyncio.to_thread(_unpacked, request.body, codings)
        with _replaced(request, body) as plain:
            return await answer(plain)

    return decoded


@contextmanager
def _replaced(request: Request, body: Body) -> Iterator[Request]:
    """The request with another body, which is closed at the end."""
    kept = [
        pair
        for pair in request.headers.multi_items()
        if pair[0].lower() not in ("content-encoding", "content-length")
    ]
    try:
        yield dataclasses.replace(request, body=body, headers=Headers(kept))
    finally:
        body.close()


def _codings(headers: Headers) -> list[str]:
    """The codings in the order in which they were applied."""
    header = headers.get("Content-Encoding", "")
    named = [name.strip().lower() for name in header.split(",")]
    codings = [_ALIASES.get(name, name) for name in named if name not in _NOTHING]
    if not codings:
        return codings
    accepted = available_codings()
    for coding in codings:
        if coding not in accepted:
            raise ContentCodingError(coding, accepted)
    if len(codings) > _MOST:
        raise ContentCodingError(header, accepted)
    return codings


def _unpacked(packed: Body, codings: list[str]) -> Body:
    body = packed
    for coding in reversed(codings):
        inner = body
        try:
            body = _unpacked_once(inner.read(), coding, packed.rules)
        finally:
            if inner is not packed:
                inner.close()
    return body


def _unpacked_once(data: bytes, coding: str, rules: BodyRules) -> Body:
    """Beside the packed body, which is what the budget counts."""
    writer = BodyWriter(dataclasses.replace(rules, budget=None))
    try:
        for piece in unpacked(data, coding):
            if not writer.write(piece):
                too_large = isinstance(writer.refusal, BodyTooLargeError)
                raise InputTooLargeError(rules.limit or 0) if too_large else _refusal(writer)
    except BaseException:
        writer.close()
        raise
    return writer.finish()


def _refusal(writer: BodyWriter) -> DrumError:
    assert writer.refusal is not None
    return writer.refusal
