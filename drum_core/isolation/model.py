"""A model whose work is done in another process, as the same record of functions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, cast

from drum_core.isolation.errors import CarriedError, ModelProcessError
from drum_core.isolation.life import Active
from drum_core.isolation.messages import (
    Answered,
    Call,
    ChatCall,
    Chunk,
    Close,
    Left,
    Next,
)
from drum_core.isolation.process import ModelProcess
from drum_core.limit_errors import DeadlineExceededError
from drum_core.model.exchange import Chat, ChatAnswer, ChatRequest, Completion, CompletionChunks
from drum_core.model.model import Model
from drum_core.serving.request_id import current_request_id
from drum_core.time_left import time_left

if TYPE_CHECKING:
    from drum_core.data.payload import Payload
    from drum_core.data.predictions import Predictions
    from drum_core.isolation.messages import Loaded
    from drum_core.model.exchange import Transformed, UnstructuredAnswer, UnstructuredRequest
    from drum_core.options.server import ServerOptions
    from drum_core.protocols import WorkerContext

__all__ = ["IsolatedModel"]


class IsolatedModel:
    """A model that is loaded, and run, in a process of its own."""

    def __init__(self, options: ServerOptions, *, on_pause: Callable[[bool], object]) -> None:
        self._process = ModelProcess(options, on_pause=on_pause)

    def load(self, worker: WorkerContext) -> Model:
        """What can be done with it from here; `worker` ends the process.

        All functions raise as those of the model, and what `ModelProcess.begin` and `ask` raise;
        they take the deadline and the request id from the context. Raises why the model cannot be
        loaded.
        """
        worker.defer_cleanup(self._process.close, desc="end the process of the model")
        return _model(self._process)

    def reason(self) -> str | None:
        """Why it cannot be used for a while; `None` while it can."""
        return self._process.reason()


def _model(process: ModelProcess) -> Model:
    loaded = process.load()
    does = loaded.abilities.__contains__
    desk = _Desk(process)
    return Model(
        info=loaded.info,
        predict=desk.predict if does("predict") else None,
        transform=desk.transform if does("transform") else None,
        unstructured=desk.unstructured if does("unstructured") else None,
        chat=Chat(answer=desk.chat) if does("chat") else None,
        list_models=_models(loaded) if does("list_models") else None,
    )


def _models(loaded: Loaded) -> Callable[[], list[Mapping[str, object]]]:
    def listed() -> list[Mapping[str, object]]:
        if isinstance(loaded.models, CarriedError):
            raise loaded.models.restored()
        return list(loaded.models)

    return listed


class _Desk:
    def __init__(self, process: ModelProcess) -> None:
        self._process = process

    def predict(self, payload: Payload) -> Predictions:
        return cast("Predictions", self._value("predict", payload))

    def transform(self, payload: Payload, target: Payload | None) -> Transformed:
        return cast("Transformed", self._value("transform", payload, target))

    def unstructured(self, request: UnstructuredRequest) -> UnstructuredAnswer:
        return cast("UnstructuredAnswer", self._value("unstructured", request))

    def chat(self, request: ChatRequest) -> ChatAnswer:
        process = self._process
        active = self._begun()
        told = False

        def look() -> None:
            nonlocal told
            if not told and request.abandoned():
                told = True
                process.tell(active, Left(active.number))

        asked = ChatCall(
            params=dict(request.params),
            headers=request.headers,
            association_id=request.association_id,
        )
        try:
            answer = process.ask(active, _call(active, "chat", asked), waiting=look)
        except BaseException:
            process.end(active)
            raise
        assert isinstance(answer, Answered)
        if answer.streams:
            stream = _Stream(process, active)
            return CompletionChunks(chunks=stream.chunks(), close=stream.close)
        process.end(active)
        return Completion(cast("Mapping[str, object]", answer.value))

    def _value(self, ability: str, *arguments: object) -> object:
        active = self._begun()
        try:
            answer = self._process.ask(active, _call(active, ability, *arguments))
        finally:
            self._process.end(active)
        assert isinstance(answer, Answered)
        return answer.value

    def _begun(self) -> Active:
        return self._process.begin(current_request_id.get(), time_left.get())


class _Stream:
    """The chunks of a chat, pulled one by one; the process is free when it is closed."""

    def __init__(self, process: ModelProcess, active: Active) -> None:
        self._process = process
        self._active = active

    def chunks(self) -> Iterator[bytes]:
        while isinstance(answer := self._process.ask(self._active, Next()), Chunk):
            yield answer.data

    def close(self) -> None:
        try:
            with contextlib.suppress(ModelProcessError, DeadlineExceededError):  # told already
                self._process.ask(self._active, Close())
        finally:
            self._process.end(self._active)


def _call(active: Active, ability: str, *arguments: object) -> Call:
    return Call(
        number=active.number,
        ability=ability,
        arguments=arguments,
        request_id=active.request_id,
    )
