"""Routes of the suite that ask for a token, and one that shares their security and is free."""

from __future__ import annotations

from drum_core.messages import Request, Response, Route, RoutePolicy
from drum_core.security.policy import Security
from drum_core.security.tokens import Tokens
from drum_core.serving.answers import json_response

__all__ = ["SUITE_TOKEN", "guarded_routes"]

SUITE_TOKEN = "token-of-the-suite"


def guarded_routes() -> list[Route]:
    """`/guarded`, and `/guarded/probe`. Other paths stay open, also in an application of ours."""
    security = Security(tokens=Tokens([SUITE_TOKEN]), open_extensions=True)

    def refuse(request: Request) -> Response | None:
        refused = security.refusal(RoutePolicy.PREDICT, request.headers)
        return None if refused is None else _told(request, 401)

    def guarded(request: Request) -> Response:
        return refuse(request) or _told(request, 200)

    return [
        Route(
            path="/guarded",
            methods=("GET", "POST"),
            handler=guarded,
            name="guarded",
            policy=RoutePolicy.PREDICT,
            refuse=refuse,
            security=security,
        ),
        Route(
            path="/guarded/probe",
            methods=("GET",),
            handler=lambda request: _told(request, 200),
            name="guarded_probe",
            policy=RoutePolicy.PROBE,
            security=security,
        ),
    ]


def _told(request: Request, status: int) -> Response:
    content = {"size": request.body.size, "body": request.body.read().decode("latin-1")}
    return json_response(content, status=status)
