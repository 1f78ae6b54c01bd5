"""Chat: the hooks `chat` and `get_supported_llm_models`, called from a thread or on a loop."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Final

from drum_core.async_bridge import Emit, Relay
from drum_core.backends.chat_streams import (
    AsyncTexts,
    ThreadedItems,
    close_all,
    close_all_async,
    is_being_cancelled,
)
from drum_core.backends.completions import (
    chunk_json,
    completion_of,
    listed_model,
    not_an_answer,
)
from drum_core.errors import PredictionError
from drum_core.model.exchange import (
    AsyncChatAnswer,
    AsyncCompletionChunks,
    Chat,
    ChatAnswer,
    ChatRequest,
    Completion,
    CompletionChunks,
    ListModels,
)
from drum_core.model.hooks import Hook, Hooks
from drum_core.model.text_parameters import llm_id
from drum_core.process_end import is_interrupt

__all__ = ["chat", "list_models"]

_CREATED: Final = 1735689600
"""When a model named by LLM_ID came into being, for all that DRUM says."""


def chat(hooks: Hooks, model: object) -> Chat | None:
    """The chat hook as a function of the request; `None` when there is none."""
    if hooks.chat is None:
        return None
    hook = _ChatHook(hooks.chat, model)
    if not hooks.chat.is_async:
        return Chat(answer=hook.answer)
    return Chat(
        answer=hook.answer, answer_async=hook.answer_async, on_loop=hooks.chat.bridge.runs_here
    )


def list_models(hooks: Hooks, model: object) -> ListModels:
    """What the hook lists, else the model that the runtime parameter LLM_ID names, else none.

    Raises as the hook does, and `PredictionError` when that gives something without items.
    """
    hook = hooks.get_supported_llm_models

    def from_hook() -> list[Mapping[str, object]]:
        assert hook is not None
        found = hook(model)
        if not isinstance(found, Iterable):
            raise PredictionError(
                "The hook get_supported_llm_models must return a list of models, got "
                f"{type(found).__name__}."
            )
        listed = [listed_model(item) for item in found]
        return [item for item in listed if item is not None]

    def from_parameter() -> list[Mapping[str, object]]:
        name = llm_id(hooks.code.settings)
        if not name:
            return []
        return [{"id": name, "object": "model", "owned_by": "DataRobot", "created": _CREATED}]

    return from_parameter if hook is None else from_hook


class _ChatHook:
    """The hook `chat` of a folder, with the model it is given."""

    def __init__(self, hook: Hook, model: object) -> None:
        self._hook = hook
        self._model = model

    def answer(self, request: ChatRequest) -> ChatAnswer:
        """Calls the hook in this thread; what of it can be awaited runs on the model's loop."""
        if self._hook.is_async:
            return self._relayed(request, lambda: self._begin(request))
        try:
            given = self._begin(request)
        except BaseException as error:
            if is_interrupt(error):
                raise
            raise self._hook.failure(error) from error
        if completion := completion_of(given, request.association_id):
            return completion
        if inspect.isawaitable(given) or isinstance(given, AsyncIterable):
            return self._relayed(request, lambda: given)
        items = self._iterator(given)
        return CompletionChunks(
            chunks=self._texts(items, request.association_id),
            close=lambda: close_all(items, given),
        )

    async def answer_async(self, request: ChatRequest) -> AsyncChatAnswer:
        """Calls the hook in this task."""
        return await self._answered(request, lambda: self._begin(request))

    def _begin(self, request: ChatRequest) -> object:
        return self._hook.begin(dict(request.params), self._model, headers=dict(request.headers))

    async def _answered(self, request: ChatRequest, begin: Callable[[], object]) -> AsyncChatAnswer:
        try:
            given = begin()
            while inspect.isawaitable(given):
                given = await given
        except asyncio.CancelledError as error:
            if is_being_cancelled():
                raise
            raise self._hook.failure(error) from error
        except BaseException as error:
            if is_interrupt(error):
                raise
            raise self._hook.failure(error) from error
        if completion := completion_of(given, request.association_id):
            return completion
        items: AsyncIterator[object]
        source: object
        if isinstance(given, AsyncIterable):
            items, source = aiter(given), given
        else:
            # Closing what blocks is for its thread only, never for the loop.
            items, source = ThreadedItems(self._iterator(given), given), None
        texts = AsyncTexts(
            items, lambda item: chunk_json(item, request.association_id), self._hook.failure
        )
        return AsyncCompletionChunks(chunks=texts, aclose=lambda: close_all_async(items, source))

    def _iterator(self, given: object) -> Iterator[object]:
        if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
            raise not_an_answer(given)
        try:
            return iter(given)
        except BaseException as error:
            if is_interrupt(error):
                raise
            raise self._hook.failure(error) from error

    def _texts(self, items: Iterator[object], association_id: str) -> Iterator[bytes]:
        while True:
            try:
                item = next(items)
            except StopIteration:
                return
            except BaseException as error:
                if is_interrupt(error):
                    raise
                raise self._hook.failure(error) from error
            yield chunk_json(item, association_id)

    def _relayed(self, request: ChatRequest, begin: Callable[[], object]) -> ChatAnswer:
        """Runs hook and stream in one task on the model's loop, for this thread."""

        async def produce(emit: Emit[Completion | bytes | None]) -> None:
            answer = await self._answered(request, begin)
            if isinstance(answer, Completion):
                await emit(answer)
                return
            try:
                await emit(None)  # it is a stream
                async for text in answer.chunks:
                    await emit(text)
            finally:
                await answer.aclose()

        relay = Relay(self._hook.bridge, produce, abandoned=request.abandoned)
        first = next(relay, None)
        if isinstance(first, Completion):
            return first
        texts = (text for text in relay if isinstance(text, bytes))
        return CompletionChunks(chunks=texts, close=relay.close)
