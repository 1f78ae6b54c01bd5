"""The OpenAI chat API in front of a model: chat completions, whole or streamed, and models."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from drum_core.async_bridge import AbandonedError
from drum_core.errors import (
    AbsentAbilityError,
    MalformedRequestError,
    NotReadyError,
    RequestError,
)
from drum_core.messages import AsyncResponse, Headers, Request, Response
from drum_core.model.exchange import ASSOCIATION_ID, Chat, ChatRequest, Completion
from drum_core.model.target import Target
from drum_core.options.choices import TargetType
from drum_core.serving.answers import client_left_response, json_response
from drum_core.serving.chat_errors import chat_error_event
from drum_core.serving.lifecycle import Lifecycle
from drum_core.serving.media_type import parse_media_type
from drum_core.serving.sse import CONTENT_TYPE, AsyncEventStream, EventStream

__all__ = ["ChatEndpoint", "ModelsEndpoint"]

_EVENT_FIELDS: Final = Headers(
    [
        ("Content-Type", CONTENT_TYPE),
        ("Cache-Control", "no-cache"),
        ("X-Accel-Buffering", "no"),  # nginx would hold the events back
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatEndpoint:
    """Answers `/chat/completions`.

    `target` is `None` when the folder is not a model, which only the error server serves.
    """

    lifecycle: Lifecycle
    target: Target | None

    def answer(self, request: Request) -> Response:
        """A completion as JSON, or its chunks as events; errors are raised."""
        chat = self._chat()
        asked = _chat_request(request)
        try:
            answer = chat.answer(asked)
            if isinstance(answer, Completion):
                return json_response(answer.content)
            stream = EventStream(answer, describe=chat_error_event, gone=request.disconnected)
        except AbandonedError:
            return client_left_response()
        return Response(headers=_EVENT_FIELDS, body=stream)

    def is_async(self) -> bool:
        """Whether the model is there, and answers many requests at once."""
        try:
            chat = self.lifecycle.model().chat
        except NotReadyError:
            return False
        return chat is not None and (chat.answer_async is not None or chat.concurrent)

    def on_loop(self) -> bool:
        """Whether `answer_async` is to be used: the model's loop is the running one."""
        chat = self._async_chat()
        return chat is not None and chat.on_loop()

    def _async_chat(self) -> Chat | None:
        try:
            chat = self.lifecycle.model().chat
        except NotReadyError:
            return None
        return chat if chat is not None and chat.answer_async is not None else None

    async def answer_async(self, request: Request) -> AsyncResponse:
        """As `answer`, on the model's event loop."""
        chat = self._chat()
        assert chat.answer_async is not None
        answer = await chat.answer_async(_chat_request(request))
        if isinstance(answer, Completion):
            whole = json_response(answer.content)
            assert isinstance(whole.body, bytes)
            return AsyncResponse(headers=whole.headers, body=whole.body)
        stream = AsyncEventStream(answer, describe=chat_error_event)
        await stream.begin()
        return AsyncResponse(headers=_EVENT_FIELDS, body=stream)

    def _chat(self) -> Chat:
        model = self.lifecycle.model()
        if model.chat is not None:
            return model.chat
        kind = self.target.type if self.target else None
        name = kind.value if kind else "unknown"
        if kind in (TargetType.TEXT_GENERATION, TargetType.AGENTIC_WORKFLOW):
            raise AbsentAbilityError(
                f"The model is of the target type {name!r}, but chat() is not implemented: write "
                "the hook chat in custom.py."
            )
        raise AbsentAbilityError(
            f"The model is of the target type {name!r}, but chat is not supported by it: it has "
            "no hook chat in custom.py."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsEndpoint:
    """Answers `/models`: what the model of a text-generation folder can be called."""

    lifecycle: Lifecycle
    target: Target | None

    def answer(self, _request: Request) -> Response:
        """The list of the API; errors are raised."""
        model = self.lifecycle.model()
        if self.target is None or self.target.type is not TargetType.TEXT_GENERATION:
            name = self.target.type.value if self.target else "unknown"
            raise AbsentAbilityError(
                "The list of models is supported only for TextGen models; this one is of the "
                f"target type {name!r}."
            )
        listed = model.list_models() if model.list_models is not None else []
        return json_response({"object": "list", "data": listed})


def _chat_request(request: Request) -> ChatRequest:
    """What the client asks. Raises `MalformedRequestError`."""
    params = _json_object(request)
    if "messages" not in params:
        raise MalformedRequestError(
            "A chat request needs 'messages': a list such as "
            '[{"role": "user", "content": "Hello"}].',
            param="messages",
        )
    messages = params["messages"]
    if not isinstance(messages, list) or not messages or not all(map(_is_object, messages)):
        shown = orjson.dumps(messages)[:100].decode("utf-8", "replace")
        raise MalformedRequestError(
            "'messages' must be a list of one object or more, such as "
            f'[{{"role": "user", "content": "Hello"}}]; got {shown}.',
            param="messages",
        )
    sent = params.get(ASSOCIATION_ID)
    return ChatRequest(
        params=params,
        headers=request.headers,
        association_id=str(sent) if sent else str(uuid.uuid4()),
        abandoned=request.disconnected,
    )


def _is_object(value: object) -> bool:
    return isinstance(value, Mapping)


def _json_object(request: Request) -> dict[str, object]:
    header = request.headers.get("Content-Type", "")
    try:
        name = parse_media_type(header).name
    except RequestError:
        name = ""
    if name != "application/json" and not name.endswith("+json"):
        raise MalformedRequestError(
            "A chat request is a JSON object, with the header 'Content-Type: application/json'; "
            f"got the content type {header!r}."
        )
    try:
        content: object = orjson.loads(request.body.read())
    except orjson.JSONDecodeError as error:
        raise MalformedRequestError(f"The body is not valid JSON: {error}.") from error
    if not isinstance(content, dict):
        raise MalformedRequestError(
            f"The body must be a JSON object, got {_kind(content)}: send an object with 'messages'."
        )
    return content


def _kind(content: object) -> str:
    kinds: Mapping[type, str] = {list: "a list", str: "a text", bool: "a truth value"}
    return kinds.get(type(content), "null" if content is None else "a number")
