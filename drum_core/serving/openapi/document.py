"""The OpenAPI 3.1 document of a table of endpoints (https://spec.openapis.org/oas/v3.1.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from drum_core.messages import RoutePolicy
from drum_core.model.target import Target
from drum_core.serving.deadlines import TIMEOUT_HEADER
from drum_core.serving.endpoint import Endpoint
from drum_core.serving.errors import MODEL_FAILED_STATUS
from drum_core.serving.openapi.about import CAPABILITIES, CHAT_ERROR, ERROR, OK, STATS, info
from drum_core.serving.openapi.chat import CHAT_SCHEMAS
from drum_core.serving.openapi.operation import Answered, Operation, Schema, reference
from drum_core.serving.openapi.operations import operations
from drum_core.serving.openapi.tables import deployment_predictions, predictions
from drum_core.version import __version__

__all__ = ["Served", "answers_of", "components_of", "document", "operation_of"]

_ABOUT: Final = (
    "Each path answers with and without a slash at its end; HEAD works where GET does, and "
    "OPTIONS tells the methods. Every answer has X-Drum-Version and X-Request-ID, which is the "
    "client's if it sent one; every error is JSON with `message` and `request_id`."
)

_WHEN: Final[Mapping[int, str]] = {
    400: "The request is malformed.",
    401: "A token is wanted, or another one.",
    404: "The model cannot do this.",
    408: "The body stood still, or took too long.",
    413: "The body is too large, or unpacks to too much.",
    415: "The body has a Content-Encoding that is not taken.",
    421: "The header Host names another server.",
    422: "What came is not what this route and this model take.",
    500: "The data cannot be read or do not fit, or the model failed; the text says which.",
    501: "What this needs is not installed; the text says what.",
    502: "The server behind the model cannot be reached, or gave no answer.",
    503: "Loading, ending, or too busy; Retry-After says when to try again.",
    504: "The answer was not ready in time.",
    507: "The disk for large bodies is full.",
    MODEL_FAILED_STATUS: "The model failed to load.",
}

_CHOSEN: Final = "The model chose this status; X-Drum-User-Http-Error says so."

_POLICY_ERRORS: Final[Mapping[RoutePolicy, tuple[int, ...]]] = {
    RoutePolicy.PROBE: (),
    RoutePolicy.MANAGEMENT: (),
    RoutePolicy.PREDICT: (400, 503, 504, MODEL_FAILED_STATUS),
    RoutePolicy.STREAM: (400, 503, 504, MODEL_FAILED_STATUS),
    RoutePolicy.PROXY: (400, 503, 504, MODEL_FAILED_STATUS),
}
_EVERY_BODY: Final = (408, 413, 503, 507)
"""A body may come with any request, also where it is not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What the document has to know beside the endpoints.

    `deployment` says that predictions are answered as a deployment does, `tokens` that all but
    probes ask for one, `hosts` that only some are answered.
    """

    title: str
    target: Target | None
    prefix: str = ""
    deployment: bool = False
    tokens: bool = False
    hosts: bool = False


def document(endpoints: Iterable[Endpoint], served: Served) -> dict[str, object]:
    """The document, ready for JSON: every path of every endpoint, in the order of the table."""
    table = operations(served.target)
    paths: dict[str, object] = {}
    groups: list[str] = []
    for endpoint in endpoints:
        said = operation_of(endpoint, table)
        if said.group not in groups:
            groups.append(said.group)
        for place, path in enumerate(endpoint.paths):
            paths[_template(path)] = _path_item(endpoint, said, path, place, served)
    return {
        "openapi": "3.1.0",
        "info": {"title": served.title, "version": __version__, "description": _ABOUT},
        "servers": [{"url": served.prefix or "/"}],
        "tags": [{"name": name} for name in groups],
        "paths": paths,
        "components": _components(served),
        **({"security": [{"token": []}]} if served.tokens else {}),
    }


def operation_of(endpoint: Endpoint, table: Mapping[str, Operation]) -> Operation:
    """What is said about an endpoint; of one that the table does not know, little."""
    known = endpoint.operation or table.get(endpoint.name)
    anything = {200: Answered("An answer.", {"*/*": {}})}
    return known or Operation(group="More", summary=endpoint.name, answers=anything)


def _template(path: str) -> str:
    return path.replace(":path}", "}")


def _path_item(
    endpoint: Endpoint, said: Operation, path: str, place: int, served: Served
) -> dict[str, object]:
    methods = [name for name in endpoint.methods if name not in ("HEAD", "OPTIONS")]
    item: dict[str, object] = {}
    if "{" in path:
        name = path.partition("{")[2].partition(":")[0]
        text = {"type": "string", "minLength": 1}
        item["parameters"] = [{"name": name, "in": "path", "required": True, "schema": text}]
    for method in methods:
        mark = [endpoint.name, *([method.lower()] if len(methods) > 1 else [])]
        number = [] if place == 0 else [str(place + 1)]
        found = _operation(endpoint, said, served)
        item[method.lower()] = {"operationId": "_".join([*mark, *number]), **found}
    return item


def _operation(endpoint: Endpoint, said: Operation, served: Served) -> dict[str, object]:
    answers = answers_of(endpoint, said, served)
    content: dict[str, object] = {
        "tags": [said.group],
        "summary": said.summary,
        "responses": {key: _response(answer) for key, answer in answers.items()},
    }
    if said.description:
        content["description"] = said.description
    if endpoint.takes_time:
        content["parameters"] = [{"$ref": "#/components/parameters/Timeout"}]
    if said.takes:
        body = {kind: {"schema": schema} for kind, schema in said.takes.items()}
        content["requestBody"] = {"required": said.body_required, "content": body}
    if served.tokens and endpoint.policy is RoutePolicy.PROBE:
        content["security"] = []
    return content


def answers_of(endpoint: Endpoint, said: Operation, served: Served) -> dict[str, Answered]:
    """Every kind of answer, by status; `default` is any other."""
    statuses = {*_POLICY_ERRORS[endpoint.policy], *_EVERY_BODY, *said.errors}
    if endpoint.policy is not RoutePolicy.PROBE:
        statuses.update([401] * served.tokens + [421] * served.hosts)
    error = {"application/json": reference(said.error_schema)}
    found = {str(status): answer for status, answer in said.answers.items()}
    for status in sorted(statuses - set(said.answers)):
        found[str(status)] = Answered(_WHEN[status], error)
    if said.hook_answers:
        found["default"] = Answered(_CHOSEN, error)
    return found


def _response(answer: Answered) -> dict[str, object]:
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
    content = {kind: {"schema": schema} for kind, schema in answer.content.items()}
    return {"description": answer.when, "headers": headers, "content": content}


_HEADERS: Final[Mapping[str, Schema]] = {
    "X-Drum-Version": {"schema": {"type": "string"}, "required": True},
    "X-Request-ID": {"schema": {"type": "string"}, "required": True},
}


def components_of(served: Served) -> dict[str, Schema]:
    """The schemas that the operations refer to, by name."""
    answer = deployment_predictions if served.deployment else predictions
    return {
        "OK": OK,
        "Error": ERROR,
        "ChatError": CHAT_ERROR,
        "Info": info(served.target),
        "Capabilities": CAPABILITIES,
        "Stats": STATS,
        "Predictions": answer(served.target),
        **CHAT_SCHEMAS,
    }


def _components(served: Served) -> dict[str, object]:
    timeout = {
        "name": TIMEOUT_HEADER,
        "in": "header",
        "description": "How many seconds the client waits for the end of the answer.",
        "schema": {"type": "number", "exclusiveMinimum": 0},
    }
    components: dict[str, object] = {
        "schemas": components_of(served),
        "headers": dict(_HEADERS),
        "parameters": {"Timeout": timeout},
    }
    if served.tokens:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return components
