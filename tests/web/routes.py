"""Hand-made routes for tests in this process."""

from __future__ import annotations

from drum_core.messages import BodyRules, Request, Response, Route, RoutePolicy
from drum_core.serving.answers import json_response

__all__ = ["echo_routes"]


def echo(request: Request) -> Response:
    """Tells what arrived."""
    text = request.body.read().decode("latin-1")
    return json_response({"body": text, "path": request.path, "method": request.method})


def echo_routes(name: str = "predict") -> list[Route]:
    """A probe, and a route that takes a body."""
    return [
        Route(path="/", methods=("GET",), handler=echo, name="ping", policy=RoutePolicy.PROBE),
        Route(path="/ping", methods=("GET",), handler=echo, name="ping", policy=RoutePolicy.PROBE),
        Route(
            path="/predict/",
            methods=("POST",),
            handler=echo,
            name=name,
            policy=RoutePolicy.PREDICT,
            bodies=BodyRules(limit=1_000),
        ),
    ]
