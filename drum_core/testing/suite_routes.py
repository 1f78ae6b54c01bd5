"""The routes that the suite puts on a host: each tells, as JSON, what it saw."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from pathlib import Path

from drum_core.errors import ExtensionError
from drum_core.messages import (
    AsyncResponse,
    BodyRules,
    Headers,
    Request,
    Response,
    Route,
    RoutePolicy,
)
from drum_core.protocols import WebApp, WorkerContext
from drum_core.testing.suite_guards import guarded_routes
from drum_core.testing.suite_streams import (
    GATE_SECONDS,
    AsyncSuiteStream,
    Gates,
    SuiteStream,
    spoken_for,
)

__all__ = ["BODY_LIMIT", "IDLE_SECONDS", "SECOND_PREFIX", "assemble_suite"]

BODY_LIMIT = 1000
"""The largest body, in bytes, of the route `/limited`."""

IDLE_SECONDS = 0.5
"""For how long the body of a request to `/timed` may stand still."""

SECOND_PREFIX = "/second/mount"
"""Where a few of the routes are mounted once more."""


def assemble_suite(app: WebApp, worker: WorkerContext, /) -> None:
    """Puts the routes of the suite onto `app`: at no prefix, and at `SECOND_PREFIX`.

    An `Assemble`, so that any server can be given it. What the application says of itself is
    found at `/assembled`.
    """
    report: dict[str, object] = {
        "is_web_app": isinstance(app, WebApp),
        "server_type": app.server_type(),
        "worker_is_context": isinstance(worker, WorkerContext),
    }
    first = _Handlers("first", report)
    app.add_routes([*first.table(), *guarded_routes()])
    app.add_routes(_Handlers("second", report).small_table(), prefix=SECOND_PREFIX)
    report["taken_twice"] = _refused(lambda: app.add_routes(first.table()[:1]))
    twice = [replace(first.table()[1], path="/twice", name=name) for name in ("a", "b")]
    report["twice_in_a_call"] = _refused(lambda: app.add_routes(twice))
    report.update(_extension_report(app))


def _refused(add: Callable[[], None]) -> str:
    try:
        add()
    except Exception as exc:
        return type(exc).__name__
    return "accepted"


def _extension_report(app: WebApp) -> dict[str, object]:
    """What `load_extension` does for an empty folder, and for one meant for somebody else."""
    other = "fastapi" if app.server_type() == "flask" else "flask"
    with tempfile.TemporaryDirectory() as name:
        none = app.load_extension(Path(name))
        Path(name, f"custom_{other}.py").write_text("def init_app(app): ...\n")
        try:
            foreign = f"returned {app.load_extension(Path(name))!r}"
        except ExtensionError:
            foreign = "ExtensionError"
    return {"no_extension": none is None, "foreign_extension": foreign}


class _Handlers:
    """One mount: its handlers, and what they remember between requests."""

    def __init__(self, mount: str, report: dict[str, object]) -> None:
        self._mount = mount
        self._report = report
        self._gates = Gates()
        self._streams: dict[str, SuiteStream | AsyncSuiteStream] = {}

    def small_table(self) -> list[Route]:
        """The routes of the second mount."""
        return [
            _route("/", self.echo, RoutePolicy.PROBE),
            _route("/echo", self.echo, methods=("GET", "POST")),
            _route("/rest/{rest:path}", self.echo),
        ]

    def table(self) -> list[Route]:
        """Every route."""
        probe, stream = RoutePolicy.PROBE, RoutePolicy.STREAM
        return [
            _route("/", self.echo, probe),
            _route("/echo", self.echo, methods=("GET", "POST", "PUT")),
            _route("/slashed/", self.echo),
            _route("/rest/{rest:path}", self.echo, methods=("GET", "POST")),
            _route("/head", self.head, methods=("GET", "HEAD")),
            _route("/options", self.options, methods=("GET", "OPTIONS")),
            _route("/untyped", self.untyped),
            _route("/status/{code:path}", self.status),
            _route("/cookies", self.cookies),
            _route("/limited", self.echo, methods=("POST",), bodies=BodyRules(limit=BODY_LIMIT)),
            _route(
                "/timed", self.echo, methods=("POST",), bodies=BodyRules(idle_seconds=IDLE_SECONDS)
            ),
            _route("/blocking/{gate:path}", self.blocking),
            _route("/waiting/{gate:path}", self.waiting),
            _route("/probe", self.echo, probe),
            _route("/gate/{gate:path}", self.gate, probe, methods=("GET", "POST")),
            _route("/stream/{kind:path}", self.stream, stream),
            replace(
                _route("/async/{kind:path}", self.plain_instead, stream),
                async_handler=self.begin_async,
            ),
            _route("/record/{key:path}", self.record, RoutePolicy.MANAGEMENT),
            _route("/assembled", self.assembled, RoutePolicy.MANAGEMENT),
        ]

    def echo(self, request: Request) -> Response:
        body = request.body.read()
        seen = {
            "mount": self._mount,
            "method": request.method,
            "path": request.path,
            "query": request.query.multi_items(),
            "headers": request.headers.multi_items(),
            "path_params": dict(request.path_params),
            "size": request.body.size,
            "sha256": hashlib.sha256(body).hexdigest(),
            "refusal": _name(request.body.refusal),
            "disconnected": request.disconnected(),
            "on_event_loop": _on_event_loop(),
        }
        request.body.close()
        return _json(seen)

    def head(self, request: Request) -> Response:
        fields = [("Content-Type", "text/plain"), ("Content-Length", "5"), ("X-Kept", "yes")]
        body = b"" if request.method == "HEAD" else b"hello"
        return Response(headers=Headers(fields), body=body)

    def options(self, request: Request) -> Response:
        fields = [("Content-Length", "0"), ("Allow", "GET, OPTIONS"), ("X-Said-By", "the route")]
        return Response(headers=Headers(fields))

    def untyped(self, request: Request) -> Response:
        return Response(headers=Headers([("Content-Length", "5")]), body=b"bytes")

    def status(self, request: Request) -> Response:
        status = int(request.path_params["code"])
        if status in {204, 304}:
            return Response(status=status, headers=Headers([("ETag", '"x"')]))
        return _json({"status": status}, status=status)

    def cookies(self, request: Request) -> Response:
        cookies = [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/")]
        return _json({}, headers=[*cookies, ("X_Under_Score", "1"), ("X-Under-Score", "2")])

    def blocking(self, request: Request) -> Response:
        self._gates.named("began/" + request.path_params["gate"]).set()
        released = self._gates.named(request.path_params["gate"]).wait(GATE_SECONDS)
        return _json({"released": released, "on_event_loop": _on_event_loop()})

    def waiting(self, request: Request) -> Response:
        """Waits for its client to leave, and says at the gate `left/…` that it has."""
        self._gates.named("began/" + request.path_params["gate"]).set()
        until = time.monotonic() + GATE_SECONDS
        while time.monotonic() < until:
            if request.disconnected():
                self._gates.named("left/" + request.path_params["gate"]).set()
                break
            time.sleep(0.02)
        return _json({})

    def gate(self, request: Request) -> Response:
        """Tells whether a gate is open; POST opens it."""
        gate = self._gates.named(request.path_params["gate"])
        if request.method == "POST":
            gate.set()
        return _json({"open": gate.is_set()})

    def stream(self, request: Request) -> Response:
        kind, _, key = request.path_params["kind"].partition("/")
        spoken_for.set(key)
        stream = SuiteStream(kind, self._gates.named(key))
        self._streams[key] = stream
        return Response(headers=Headers([("Content-Type", "text/event-stream")]), body=stream)

    def begin_async(self, request: Request) -> Awaitable[AsyncResponse] | None:
        """Leaves what is `declined` to the handler."""
        return None if "declined" in request.path_params["kind"] else self.in_task(request)

    async def in_task(self, request: Request) -> AsyncResponse:
        """A stream, or a whole answer, made on the loop."""
        request.body.close()
        kind, _, key = request.path_params["kind"].partition("/")
        if kind == "whole":
            return AsyncResponse(body=b"by the asynchronous handler")
        spoken_for.set(key)
        stream = AsyncSuiteStream(kind)
        self._streams[key] = stream
        return AsyncResponse(headers=Headers([("Content-Type", "text/event-stream")]), body=stream)

    def plain_instead(self, request: Request) -> Response:
        """The same, for hosts without an event loop, which cannot interrupt a stream."""
        request.body.close()
        kind, _, key = request.path_params["kind"].partition("/")
        if kind in {"whole", "declined"}:
            return Response(body=b"by the handler")
        spoken_for.set(key)
        stream = SuiteStream("endless" if kind == "stuck" else kind, self._gates.named(key))
        self._streams[key] = stream
        return Response(headers=Headers([("Content-Type", "text/event-stream")]), body=stream)

    def record(self, request: Request) -> Response:
        key = request.path_params["key"]
        return _json(self._streams[key].record() if key in self._streams else {})

    def assembled(self, request: Request) -> Response:
        return _json({**self._report, "threads": threading.active_count()})


def _route(
    path: str,
    handler: Callable[[Request], Response],
    policy: RoutePolicy = RoutePolicy.PREDICT,
    *,
    methods: tuple[str, ...] = ("GET",),
    bodies: BodyRules | None = None,
) -> Route:
    return Route(
        path=path,
        methods=methods,
        handler=handler,
        name=path,
        policy=policy,
        bodies=BodyRules() if bodies is None else bodies,
    )


def _name(error: Exception | None) -> str | None:
    return None if error is None else type(error).__name__


def _json(
    content: dict[str, object], *, status: int = 200, headers: Iterable[tuple[str, str]] = ()
) -> Response:
    body = json.dumps(content).encode()
    fields = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers]
    return Response(status=status, headers=Headers(fields), body=body)


def _on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
