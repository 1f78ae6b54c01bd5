"""The routes that describe the others: `/openapi.json`, and `/docs` for people."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import orjson

from drum_core.messages import Request, Response, RoutePolicy
from drum_core.serving.answers import bytes_response
from drum_core.serving.endpoint import Endpoint
from drum_core.serving.openapi.document import Served, document
from drum_core.serving.openapi.page import page

__all__ = ["docs_endpoints"]


def docs_endpoints(endpoints: Sequence[Endpoint], served: Served) -> list[Endpoint]:
    """Endpoints that describe `endpoints`, and themselves; made when first asked for."""

    @functools.cache
    def json() -> bytes:
        return orjson.dumps(document(table, served))

    @functools.cache
    def text() -> tuple[str, str]:
        return page(table, served)

    def answer_json(_request: Request) -> Response:
        return bytes_response(json(), "application/json")

    def answer_page(_request: Request) -> Response:
        body, policy = text()
        headers = [("Content-Security-Policy", policy)]
        return bytes_response(body.encode(), "text/html; charset=utf-8", headers=headers)

    policy = RoutePolicy.MANAGEMENT
    own = [
        Endpoint(
            name="openapi",
            paths=("/openapi.json",),
            answer=answer_json,
            policy=policy,
        ),
        Endpoint(name="docs", paths=("/docs", "/docs/"), answer=answer_page, policy=policy),
    ]
    table = [*endpoints, *own]
    return own
