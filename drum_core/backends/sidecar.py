"""A server of the OpenAI API in the place of a model: chat, models and prompts are asked of it."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import orjson

from drum_core.async_bridge import AbandonedError
from drum_core.data.predictions import PREDICTIONS, Predictions
from drum_core.data.tables import read_table
from drum_core.errors import InputError, UserHTTPError, listed
from drum_core.model.exchange import (
    ASSOCIATION_ID,
    Chat,
    ChatAnswer,
    ChatRequest,
    Completion,
    CompletionChunks,
)
from drum_core.model.model import Model, ModelInfo
from drum_core.model.text_parameters import text_parameter
from drum_core.options.choices import Language, TargetType
from drum_core.upstream.connections import Upstream, UpstreamAnswer
from drum_core.upstream.errors import UpstreamBrokenError, UpstreamError
from drum_core.upstream.health import HealthWatch

if TYPE_CHECKING:
    from drum_core.data.payload import Payload
    from drum_core.model.folder import ModelFolder
    from drum_core.model.target import Target
    from drum_core.protocols import WorkerContext
    from drum_core.user.settings import Settings

__all__ = ["load"]

_logger = logging.getLogger(__name__)

_ANY_MODEL: Final = "datarobot-deployed-llm"
"""What DRUM's clients call a model whose name they do not know."""

_JSON: Final = [("Content-Type", "application/json")]
_BEARER: Final = ("Authorization", "Bearer fake")
"""The servers take any key; DRUM sends this one."""

_PARAMETERS: Final = ("system_prompt", "max_tokens", "n", "temperature")


def load(folder: ModelFolder, target: Target, worker: WorkerContext) -> Model:
    """What the server that `folder.upstream` names can do; it need not run yet."""
    settings = folder.upstream
    assert settings is not None
    if folder.custom_code is not None:
        _logger.warning("%s is not run: a sidecar answers in its place", folder.custom_code)
    upstream = Upstream(settings.host, settings.port)
    worker.defer_cleanup(upstream.close, order=50, desc="end the connections to the sidecar")
    health = HealthWatch(upstream, settings.health_path)
    worker.defer_stop(health.stop, desc="end the watch of the sidecar")
    health.ask()
    thread = threading.Thread(target=health.run)
    worker.add_thread(thread, name="drum-sidecar-health")
    asked = _Sidecar(upstream, folder.settings, settings.timeout)
    chats = target.type in (TargetType.TEXT_GENERATION, TargetType.AGENTIC_WORKFLOW)
    return Model(
        info=ModelInfo(language=Language.OTHER, predictor=None),
        predict=asked.predict if target.type is TargetType.TEXT_GENERATION else None,
        chat=Chat(answer=asked.answer, concurrent=True) if chats else None,
        list_models=asked.models,
        upstream=upstream,
        unwell=health.reason,
    )


class _Sidecar:
    """The server, asked in the words of its API."""

    def __init__(self, upstream: Upstream, settings: Settings, timeout: float) -> None:
        self._upstream = upstream
        self._settings = settings
        self._timeout = timeout
        self._name: str | None = None

    def models(self) -> list[Mapping[str, object]]:
        """What it lists."""
        answer = self._upstream.ask("GET", "/v1/models", fields=[_BEARER], timeout=self._timeout)
        found = _object(answer.read(), self._upstream).get("data")
        if answer.status != 200 or not isinstance(found, list):
            raise UpstreamError(self._upstream.address, "does not list its models at /v1/models")
        return [item for item in found if isinstance(item, Mapping)]

    def name(self) -> str:
        """What it calls its model, else the parameter `served_model_name`, else DRUM's word."""
        if self._name is None:
            try:
                names = [item.get("id") for item in self.models()]
            except UpstreamError:
                names = []
            found = names[0] if names else None
            if not isinstance(found, str):
                return text_parameter("served_model_name", self._settings) or _ANY_MODEL
            self._name = found
        return self._name

    def answer(self, request: ChatRequest) -> ChatAnswer:
        """Raises `UpstreamError`, `UserHTTPError` for what the server refuses, `AbandonedError`."""
        asked = {key: value for key, value in request.params.items() if key != ASSOCIATION_ID}
        if asked.get("model") in (None, "", _ANY_MODEL):
            asked["model"] = self.name()
        answer = self._asked(asked, request)
        kind = {name.lower(): value for name, value in answer.fields}.get("content-type", "")
        if kind.startswith("text/event-stream"):
            chunks = _chunks(answer, request, self._upstream)
            return CompletionChunks(chunks=chunks, close=answer.close)
        content = _object(answer.read(), self._upstream)
        return Completion({**content, ASSOCIATION_ID: request.association_id})

    def _asked(self, params: Mapping[str, object], request: ChatRequest) -> UpstreamAnswer:
        try:
            answer = self._upstream.ask(
                "POST",
                "/v1/chat/completions",
                fields=[*_JSON, _BEARER],
                body=orjson.dumps(params),
                timeout=self._timeout,
                gone=request.abandoned,
            )
        except UpstreamError as error:
            if request.abandoned():
                raise AbandonedError from error
            raise
        if answer.status < 300:
            return answer
        text = answer.read()
        if answer.status < 400 or answer.status >= 500:
            said = text[:500].decode("utf-8", "replace")
            raise UpstreamError(self._upstream.address, f"answered {answer.status}: {said}")
        raise UserHTTPError(_reason(text), status_code=answer.status)

    def predict(self, payload: Payload) -> Predictions:
        """One completion, or `n` of them, for the prompt in each row."""
        import numpy as np

        column = text_parameter("prompt_column_name", self._settings) or "promptText"
        frame = read_table(dataclasses.replace(payload, text_columns=(column,)))
        if column not in frame.columns:
            raise InputError(
                f"The prompts are expected in the column {column!r}; the input has "
                f"{listed(frame.columns)}. The runtime parameter prompt_column_name names another."
            )
        params = self._parameters()
        prompts = frame[column].astype(object)
        texts = [
            text
            for prompt in prompts.where(prompts.notna(), "").map(str)
            for text in self._completed(prompt, params)
        ]
        values = np.array(texts, dtype=object).reshape(-1, 1)
        return Predictions(values=values, columns=(PREDICTIONS,))

    def _completed(self, prompt: str, params: Mapping[str, object]) -> list[str | None]:
        messages = [{"role": "user", "content": prompt}]
        if system := params.get("system_prompt"):
            messages.insert(0, {"role": "system", "content": str(system)})
        rest = {key: value for key, value in params.items() if key != "system_prompt"}
        asked: dict[str, object] = {"messages": messages, **rest}
        answer = self.answer(ChatRequest(params=asked, association_id=str(uuid.uuid4())))
        if not isinstance(answer, Completion):
            answer.close()
            raise UpstreamError(self._upstream.address, "answered with events, unasked")
        choices = answer.content.get("choices")
        if not isinstance(choices, Sequence) or not choices:
            raise UpstreamError(self._upstream.address, "gave a completion without choices")
        return [_text(choice) for choice in choices]

    def _parameters(self) -> dict[str, object]:
        given = {name: text_parameter(name, self._settings) for name in _PARAMETERS}
        numbers = {"max_tokens": int, "n": int, "temperature": float}
        return {
            name: numbers[name](float(text)) if name in numbers else text
            for name, text in given.items()
            if text is not None
        }


def _chunks(answer: UpstreamAnswer, request: ChatRequest, upstream: Upstream) -> Iterator[bytes]:
    """The chunks in the events of a stream, each with the association id."""
    ended = False
    try:
        for line in _lines(answer):
            data = line.removeprefix(b"data:").strip()
            if not line.startswith(b"data:") or not data:
                continue
            if data == b"[DONE]":
                ended = True
                continue  # read to its end, so that the connection can be used again
            chunk = _object(data, upstream)
            yield orjson.dumps({**chunk, ASSOCIATION_ID: request.association_id})
    except UpstreamBrokenError:
        if not request.abandoned():
            raise
        return
    if not ended and not request.abandoned():
        raise UpstreamBrokenError(upstream.address, "ended its stream without [DONE]")


def _lines(chunks: UpstreamAnswer) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        yield rest


def _object(text: bytes, upstream: Upstream) -> dict[str, object]:
    try:
        content: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        content = None
    if not isinstance(content, dict):
        said = text[:200].decode("utf-8", "replace")
        raise UpstreamError(upstream.address, f"answered no JSON object: {said!r}")
    return content


def _reason(text: bytes) -> str:
    """What a refusal says, in any of the shapes that servers use."""
    try:
        content: object = json.loads(text)
    except ValueError:
        content = None
    error = content.get("error", content) if isinstance(content, Mapping) else None
    message = error.get("message") if isinstance(error, Mapping) else error
    return message if isinstance(message, str) else text[:500].decode("utf-8", "replace")


def _text(choice: object) -> str | None:
    message = choice.get("message") if isinstance(choice, Mapping) else None
    text = message.get("content") if isinstance(message, Mapping) else None
    return text if isinstance(text, str) else None
