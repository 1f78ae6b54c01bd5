"""What each endpoint of the table takes and answers, by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drum_core.model.target import Target
from drum_core.serving.openapi.chat import EVENTS
from drum_core.serving.openapi.operation import Answered, Content, Operation, reference
from drum_core.serving.openapi.tables import TRANSFORMED, table_content

__all__ = ["operations"]

_PROBES: Final = "Probes"
_MODEL: Final = "Model and server"
_DATA: Final = "Predictions"
_CHAT: Final = "Chat"

_METRICS: Final[Content] = {
    "text/plain": {"type": "string"},
    "application/openmetrics-text": {"type": "string"},
}

_BODY_ERRORS: Final = (400, 415, 422, 500)
"""Of what reads a body and runs the model: it cannot be unpacked or read, or the model failed."""


def operations(target: Target | None) -> Mapping[str, Operation]:
    """The operations of the endpoints that every served model has; `target` is for the texts."""
    kind = "" if target is None else f" This model is of the target type {target.type.value}."
    return {**_probes(), **_about(), **_data(kind), **_chat()}


def _probe(summary: str, *errors: int) -> Operation:
    ok = {200: Answered("It is so.", {"application/json": reference("OK")})}
    return Operation(
        group=_PROBES,
        summary=summary,
        description="With `?verbose` the answer says the state, since when, and why.",
        answers=ok,
        errors=errors,
    )


def _probes() -> dict[str, Operation]:
    return {
        "ping": _probe("The model is there", 503, 513),
        "health": _probe("The model can be used", 503, 513),
        "livez": _probe("The process answers"),
        "readyz": _probe("Requests should be sent here", 503),
        "startupz": _probe("The model has been loaded", 503),
    }


def _told(summary: str, schema: str, *errors: int) -> Operation:
    answers = {200: Answered(summary, {"application/json": reference(schema)})}
    return Operation(group=_MODEL, summary=summary, answers=answers, errors=errors)


def _about() -> dict[str, Operation]:
    html = {200: Answered("The page.", {"text/html": {"type": "string"}})}
    document = {200: Answered("The document.", {"application/json": {"type": "object"}})}
    return {
        "info": _told("The model, its metadata and the server", "Info", 503, 513),
        "capabilities": _told("The formats and methods it takes", "Capabilities", 503, 513),
        "stats": _told("Memory and prediction times of a process", "Stats"),
        "metrics": Operation(
            group=_MODEL,
            summary="What Prometheus collects",
            answers={200: Answered("The metrics.", _METRICS)},
            errors=(501,),
        ),
        "openapi": Operation(group=_MODEL, summary="This document", answers=document),
        "docs": Operation(group=_MODEL, summary="This document as a page", answers=html),
    }


def _data(kind: str) -> dict[str, Operation]:
    predicted = {200: Answered("Predictions.", {"application/json": reference("Predictions")})}
    transformed = {200: Answered("The table.", {"multipart/form-data": TRANSFORMED})}
    anything = {200: Answered("What the model answered.", {"*/*": {}})}
    elsewhere = " For another target type the answer is 422, and names the right path." + kind
    return {
        "predict": Operation(
            group=_DATA,
            summary="Predict on a table",
            description="One prediction for each row, in their order." + elsewhere,
            takes=table_content(),
            answers=predicted,
            errors=_BODY_ERRORS,
            hook_answers=True,
        ),
        "transform": Operation(
            group=_DATA,
            summary="Transform a table",
            description="The table that a transform model makes of another." + elsewhere,
            takes=table_content(with_target=True),
            answers=transformed,
            errors=_BODY_ERRORS,
            hook_answers=True,
        ),
        "predict_unstructured": Operation(
            group=_DATA,
            summary="Ask an unstructured model",
            description="Any body, or none; the model makes of it what it will." + elsewhere,
            takes={"*/*": {}},
            body_required=False,
            answers=anything,
            errors=(400, 422, 500),
            hook_answers=True,
        ),
    }


def _chat() -> dict[str, Operation]:
    completion = {
        "application/json": reference("ChatCompletion"),
        "text/event-stream": EVENTS,
    }
    models = {"application/json": reference("Models")}
    return {
        "chat": Operation(
            group=_CHAT,
            summary="Complete a chat",
            description="The API of OpenAI. 404 where the model has no chat.",
            takes={"application/json": reference("ChatCompletionRequest")},
            answers={200: Answered("A completion, or its chunks as events.", completion)},
            errors=(400, 404, 415, 422, 500),
            error_schema="ChatError",
            hook_answers=True,
        ),
        "get_supported_llm_models": Operation(
            group=_CHAT,
            summary="The names of the model",
            description="404 where the target type is not textgeneration.",
            answers={200: Answered("The models.", models)},
            errors=(404, 422, 500),
            error_schema="ChatError",
            hook_answers=True,
        ),
    }
