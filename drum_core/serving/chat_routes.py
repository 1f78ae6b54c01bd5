"""The chat routes of a served model; every target type has them."""

from __future__ import annotations

from drum_core.messages import RoutePolicy
from drum_core.model.target import Target
from drum_core.serving.chat import ChatEndpoint, ModelsEndpoint
from drum_core.serving.chat_errors import chat_answer_to, chat_error_event
from drum_core.serving.content_encoding import decoding, decoding_async
from drum_core.serving.endpoint import Endpoint
from drum_core.serving.lifecycle import Lifecycle
from drum_core.serving.sse import event

__all__ = ["chat_endpoints"]


def chat_endpoints(lifecycle: Lifecycle, target: Target | None) -> list[Endpoint]:
    """Chat completions and the list of models, with and without `/v1`, and with a slash."""
    chat = ChatEndpoint(lifecycle=lifecycle, target=target)
    models = ModelsEndpoint(lifecycle=lifecycle, target=target)
    return [
        Endpoint(
            name="chat",
            paths=_all("/chat/completions"),
            template="/v1/chat/completions",
            answer=decoding(chat.answer),
            policy=RoutePolicy.STREAM,
            method="POST",
            async_answer=decoding_async(chat.answer_async),
            on_loop=chat.on_loop,
            concurrent=chat.is_async,
            error_answer=chat_answer_to,
            last_words=lambda error: event(chat_error_event(error)),
        ),
        Endpoint(
            name="get_supported_llm_models",
            paths=_all("/models"),
            template="/v1/models",
            answer=models.answer,
            policy=RoutePolicy.PREDICT,
            error_answer=chat_answer_to,
        ),
    ]


def _all(path: str) -> tuple[str, ...]:
    return path, f"{path}/", f"/v1{path}", f"/v1{path}/"
