"""Reports chats to the monitoring of a deployment: what was asked, what was answered, and when."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from drum_core.async_bridge import AbandonedError
from drum_core.model.exchange import (
    ASSOCIATION_ID,
    AsyncChatAnswer,
    AsyncCompletionChunks,
    Chat,
    ChatAnswer,
    ChatRequest,
    Completion,
    CompletionChunks,
)
from drum_core.monitoring.chat_texts import answer_text, prompt_text, streamed_text
from drum_core.monitoring.client import MLOps
from drum_core.monitoring.deployment import Deployment
from drum_core.monitoring.reporter import Reporter

__all__ = ["ChatMonitor", "monitored_chat"]

_logger = logging.getLogger(__name__)

_REFUSED: Final = HTTPStatus.UNPROCESSABLE_ENTITY
"""How the service answers when a deployment does not take predictions any more."""


@dataclass(frozen=True, kw_only=True)
class ChatMonitor:
    """Where the chats of a model are reported.

    `prompt_column` is used when the deployment names none; `lock` is held while the client works.
    """

    client: MLOps
    deployment: Deployment
    reporter: Reporter
    prompt_column: str
    lock: threading.Lock


def monitored_chat(chat: Chat, monitor: ChatMonitor) -> Chat:
    """The chat, each of whose answers is reported when it has ended, without waiting for that."""

    def answered(request: ChatRequest) -> ChatAnswer:
        report = _Report(request, monitor)
        try:
            answer = chat.answer(request)
        except BaseException:
            report.failed()
            raise
        if isinstance(answer, Completion):
            report.answered(answer)
            return answer
        chunks = _Chunks(answer, report)
        return CompletionChunks(chunks=chunks, close=chunks.close)

    async def answered_async(request: ChatRequest) -> AsyncChatAnswer:
        assert chat.answer_async is not None
        report = _Report(request, monitor)
        try:
            answer = await chat.answer_async(request)
        except BaseException:
            report.failed()
            raise
        if isinstance(answer, Completion):
            report.answered(answer)
            return answer
        chunks = _AsyncChunks(answer, report)
        return AsyncCompletionChunks(chunks=chunks, aclose=chunks.aclose)

    return dataclasses.replace(
        chat, answer=answered, answer_async=answered_async if chat.answer_async else None
    )


class _Report:
    """What is told of one chat, once: by the first of its methods that says how it has ended."""

    def __init__(self, request: ChatRequest, monitor: ChatMonitor) -> None:
        self._monitor = monitor
        self._prompt = prompt_text(request.params)  # now: a hook may change what it is given
        self._association_id = request.association_id
        self._chunks: list[bytes] = []
        self._made = False
        self._started = time.perf_counter()

    def answered(self, answer: Completion) -> None:
        """The whole answer is there."""
        named = answer.content.get(ASSOCIATION_ID)
        self._association_id = str(named or self._association_id)
        self._make(lambda: answer_text(answer.content))

    def failed(self) -> None:
        """There is no answer, or its stream broke off."""
        self._make(None)

    def took(self, chunk: bytes) -> None:
        """A piece of the answer is on its way."""
        self._chunks.append(chunk)

    def ended(self) -> None:
        """The stream has come to its end."""
        self._make(lambda: streamed_text(self._chunks))

    def closed(self) -> None:
        """Nobody reads on; what was sent until then is the answer."""
        self._make((lambda: streamed_text(self._chunks)) if self._chunks else None)

    def _make(self, text: Callable[[], str] | None) -> None:
        if self._made:
            return
        self._made = True
        milliseconds = (time.perf_counter() - self._started) * 1000
        self._monitor.reporter.submit(lambda: self._send(text, milliseconds))

    def _send(self, text: Callable[[], str] | None, milliseconds: float) -> None:
        """In the thread of the reporter."""
        monitor = self._monitor
        try:
            with monitor.lock:
                monitor.client.report_deployment_stats(0 if text is None else 1, milliseconds)
        except Exception:  # the other report may come through
            _logger.exception("a chat could not be counted by MLOps monitoring")
        if text is None or not monitor.deployment.takes_predictions():
            return
        try:
            self._send_texts(text())
        except Exception as error:
            if _status(error) != _REFUSED:
                _logger.exception("a chat could not be reported to MLOps monitoring")
                return
            _logger.warning("the deployment takes no predictions (is it disabled?): %s", error)

    def _send_texts(self, answer: str) -> None:
        import pandas as pd

        monitor = self._monitor
        column = monitor.deployment.prompt_column() or monitor.prompt_column
        features = pd.DataFrame({column: [self._prompt]})
        with monitor.lock:
            monitor.client.report_predictions_data(
                features, [answer], association_ids=[self._association_id]
            )


def _status(error: BaseException | None) -> object:
    """The status of the HTTP answer behind an error of the client; `None` when there is none."""
    while error is not None:
        answer: object = getattr(error, "response", None)
        if answer is not None:
            return getattr(answer, "status_code", None)
        error = error.__cause__ or error.__context__
    return None


class _Chunks:
    """The chunks of an answer, noted as they are taken."""

    def __init__(self, answer: CompletionChunks, report: _Report) -> None:
        self._chunks = answer.chunks
        self._close = answer.close
        self._report = report

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            chunk = next(self._chunks)
        except StopIteration:
            self._report.ended()
            raise
        except AbandonedError:
            raise  # `close` follows
        except Exception:
            self._report.failed()
            raise
        self._report.took(chunk)
        return chunk

    def close(self) -> None:
        """Closes the stream, and reports one that has not ended."""
        try:
            self._close()
        finally:
            self._report.closed()


class _AsyncChunks:
    """As `_Chunks`, on an event loop."""

    def __init__(self, answer: AsyncCompletionChunks, report: _Report) -> None:
        self._next: Callable[[], Awaitable[bytes]] = answer.chunks.__anext__
        self._close = answer.aclose
        self._report = report

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._next()
        except StopAsyncIteration:
            self._report.ended()
            raise
        except Exception:
            self._report.failed()
            raise
        self._report.took(chunk)
        return chunk

    async def aclose(self) -> None:
        """Closes the stream, and reports one that has not ended."""
        try:
            await self._close()
        finally:
            self._report.closed()
