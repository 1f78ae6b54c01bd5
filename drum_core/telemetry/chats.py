"""Chats in spans: what was asked and answered, and a span of its own for a stream."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from drum_core.async_bridge import AbandonedError
from drum_core.model.exchange import (
    AsyncChatAnswer,
    AsyncCompletionChunks,
    Chat,
    ChatAnswer,
    ChatRequest,
    Completion,
    CompletionChunks,
)
from drum_core.request_record import current_record
from drum_core.telemetry.chat_attributes import (
    answer_attributes,
    asked_attributes,
    joined_chunks,
)
from drum_core.telemetry.spans import record_failure

if TYPE_CHECKING:
    from drum_core.telemetry.otel import OpenTelemetry

__all__ = ["traced_chat"]

_logger = logging.getLogger(__name__)

STREAM_SPAN = "drum.chat.completions.stream"


def traced_chat(
    chat: Chat, otel: OpenTelemetry, first_token: Callable[[float], object] | None = None
) -> Chat:
    """The chat, which tells the current span what is said. `first_token` gets its seconds."""

    def answered(request: ChatRequest) -> ChatAnswer:
        _tell_question(request, otel)
        answer = chat.answer(request)
        if isinstance(answer, Completion):
            _tell_answer(answer, otel)
            return answer
        chunks = _Chunks(answer, _Stream(otel, first_token))
        return CompletionChunks(chunks=chunks, close=chunks.close)

    async def answered_async(request: ChatRequest) -> AsyncChatAnswer:
        assert chat.answer_async is not None
        _tell_question(request, otel)
        answer = await chat.answer_async(request)
        if isinstance(answer, Completion):
            _tell_answer(answer, otel)
            return answer
        chunks = _AsyncChunks(answer, _Stream(otel, first_token))
        return AsyncCompletionChunks(chunks=chunks, aclose=chunks.aclose)

    return dataclasses.replace(
        chat, answer=answered, answer_async=answered_async if chat.answer_async else None
    )


def _tell_question(request: ChatRequest, otel: OpenTelemetry) -> None:
    from opentelemetry import trace

    span = trace.get_current_span()
    if span.is_recording():
        content = otel.captures_content
        span.set_attributes(dict(asked_attributes(request.params, content=content)))


def _tell_answer(answer: Completion, otel: OpenTelemetry) -> None:
    from opentelemetry import trace

    span = trace.get_current_span()
    if span.is_recording():
        content = otel.captures_content
        span.set_attributes(dict(answer_attributes(answer.content, content=content)))


class _Stream:
    """The span of a stream, current in what makes its chunks; it ends once."""

    def __init__(self, otel: OpenTelemetry, first_token: Callable[[float], object] | None) -> None:
        from opentelemetry import context, trace

        self._otel = otel
        self._record = current_record.get()
        self._first_token = first_token
        self._chunks: list[bytes] = []
        self._begun = self._ended = False
        self._span = otel.tracer.start_span(STREAM_SPAN)
        context.attach(trace.set_span_in_context(self._span))

    def took(self, chunk: bytes) -> None:
        """A chunk is on its way."""
        if not self._begun and self._first_token is not None and self._record is not None:
            self._first_token(time.monotonic() - self._record.began)
        self._begun = True
        if self._span.is_recording():
            self._chunks.append(chunk)

    def end(self, error: BaseException | None = None) -> None:
        """No more of it comes."""
        if self._ended:
            return
        self._ended = True
        if isinstance(error, Exception) and not isinstance(error, AbandonedError):
            record_failure(self._span, error)
        if self._span.is_recording():
            try:
                whole = joined_chunks(self._chunks)
                content = self._otel.captures_content
                self._span.set_attributes(dict(answer_attributes(whole, content=content)))
            except Exception:
                _logger.exception("the answer of a chat could not be put into its span")
        self._span.end()


class _Chunks:
    """The chunks of an answer, noted as they are taken."""

    def __init__(self, answer: CompletionChunks, stream: _Stream) -> None:
        self._chunks = answer.chunks
        self._close = answer.close
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            chunk = next(self._chunks)
        except StopIteration:
            self._stream.end()
            raise
        except BaseException as error:
            self._stream.end(error)
            raise
        self._stream.took(chunk)
        return chunk

    def close(self) -> None:
        """Closes the stream and ends its span."""
        try:
            self._close()
        finally:
            self._stream.end()


class _AsyncChunks:
    """As `_Chunks`, on an event loop."""

    def __init__(self, answer: AsyncCompletionChunks, stream: _Stream) -> None:
        self._next: Callable[[], Awaitable[bytes]] = answer.chunks.__anext__
        self._close = answer.aclose
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._next()
        except StopAsyncIteration:
            self._stream.end()
            raise
        except BaseException as error:
            self._stream.end(error)
            raise
        self._stream.took(chunk)
        return chunk

    async def aclose(self) -> None:
        """Closes the stream and ends its span."""
        try:
            await self._close()
        finally:
            self._stream.end()
