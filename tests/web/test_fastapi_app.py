"""What is Starlette's own: mounts, lifespans, middleware, embedding in somebody's application."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextvars import ContextVar

import anyio
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drum_core.messages import Headers, Request, Response, Route, RoutePolicy
from drum_core.serving.answers import bytes_response
from drum_web import FastAPIApp, FastAPIWorkerCtx
from tests.web.live import wait_until
from tests.web.routes import echo_routes

CALLER: ContextVar[str] = ContextVar("caller", default="nobody")


def route_to(handler_response: Response, policy: RoutePolicy = RoutePolicy.STREAM) -> Route:
    """A route that always gives the same response."""
    return Route(
        path="/s",
        methods=("GET",),
        handler=lambda request: handler_response,
        name="s",
        policy=policy,
    )


class Endless:
    """A stream that ends only when it is closed."""

    def __init__(self) -> None:
        self.closed = 0
        self.threads: set[int] = set()

    def __iter__(self) -> Iterator[bytes]:
        while not self.closed:
            self.threads.add(threading.get_ident())
            yield b"x" * 1000

    def close(self) -> None:
        """Counts."""
        self.closed += 1
        self.threads.add(threading.get_ident())


def http_scope(path: str) -> Scope:
    """A GET request, as a server tells it."""
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
    }


def test_embedding_with_a_lifespan() -> None:
    """In somebody's FastAPI the worker starts with the application, and ends with it, in order."""
    ends: list[str] = []
    worker = FastAPIWorkerCtx()
    app = FastAPI(lifespan=worker.lifespan)
    app.add_api_route("/theirs", lambda: "theirs")
    FastAPIApp(app).add_routes(echo_routes(), prefix="/iris")
    loops: list[asyncio.AbstractEventLoop] = []

    async def close() -> None:
        loops.append(asyncio.get_running_loop())
        await asyncio.sleep(0)
        ends.append("cleanup")

    async def own_loop() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    worker.defer_stop(lambda: ends.append("stop"))
    worker.defer_cleanup(close)
    assert not worker.running()
    with TestClient(app) as client:
        assert worker.running()
        assert client.get("/iris/ping").status_code == 200
        assert client.get("/theirs").json() == "theirs"
        assert "x-drum-version" not in client.get("/theirs").headers
        assert client.get("/nowhere").json() == {"detail": "Not Found"}
        assert client.portal is not None
        loop = client.portal.call(own_loop)
    assert ends == ["stop", "cleanup"]
    assert loops == [loop]
    assert not worker.running()


def test_context_is_used_once() -> None:
    """A second run of the application with the same context is an error that says what to do."""
    worker = FastAPIWorkerCtx()
    app = FastAPI(lifespan=worker.lifespan)
    with TestClient(app):
        pass
    with pytest.raises(RuntimeError, match="make another"), TestClient(app):
        pass


def test_embedded_failure_is_only_kept() -> None:
    """A worker in somebody's application that fails does not end it."""
    worker = FastAPIWorkerCtx()
    app = FastAPI(lifespan=worker.lifespan)
    FastAPIApp(app).add_routes(echo_routes())
    error = RuntimeError("no artifact")
    with TestClient(app) as client:
        worker.fail(error)
        assert client.get("/ping").status_code == 200
    assert worker.error() is error


def test_two_models_in_one_application() -> None:
    """Two mounts under two prefixes answer side by side."""
    app = FastAPI()
    for prefix in ("/iris", "/cancer"):
        FastAPIApp(app).add_routes(echo_routes(), prefix=prefix)
    client = TestClient(app)
    for prefix in ("/iris", "/cancer"):
        answer = client.post(f"{prefix}/predict/", content=b"1")
        assert answer.json()["path"] == f"{prefix}/predict/"


def test_under_a_sub_application() -> None:
    """Mounted below another Starlette, a route matches, and sees its path without the mount."""
    inner = FastAPIApp()
    inner.add_routes(echo_routes(), prefix="/iris")
    client = TestClient(Starlette(routes=[Mount("/models", app=inner.app)]))
    assert client.get("/models/iris/ping").json()["path"] == "/iris/ping"
    assert client.get("/models/iris").status_code == 200
    assert client.get("/iris/ping").status_code == 404
    lost = client.get("/models/lost")
    assert lost.status_code == 404
    assert "there is nothing at /lost" in lost.json()["message"]


def test_root_path_of_a_proxy() -> None:
    """A root path that a proxy strips changes nothing."""
    host = FastAPIApp()
    host.add_routes(echo_routes())
    client = TestClient(host.app, root_path="/gateway")
    assert client.get("/ping").json()["path"] == "/ping"


def test_nothing_is_redirected_in_somebodys_application() -> None:
    """FastAPI's redirect of slashes does not reach the runner's routes."""
    app = FastAPI()
    FastAPIApp(app).add_routes(echo_routes())
    client = TestClient(app, follow_redirects=False)
    assert client.post("/predict").status_code == 404
    assert client.get("/ping/").status_code == 404


@pytest.mark.parametrize("path", ["/ping", "/{rest:path}"])
def test_taken_path_is_an_error(path: str) -> None:
    """A path that another route takes, literally or as one of all, is not mounted in vain."""
    app = FastAPI()
    app.add_api_route(path, lambda: "theirs")
    with pytest.raises(ValueError, match="is taken already"):
        FastAPIApp(app).add_routes(echo_routes())


def test_context_variables_reach_handler_and_stream() -> None:
    """What a middleware sets is seen in the thread, in the handler and in each chunk."""

    class Lines:
        def __iter__(self) -> Iterator[bytes]:
            yield CALLER.get().encode()

        def close(self) -> None:
            pass

    class Name:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            CALLER.set("somebody")
            await self.app(scope, receive, send)

    def handler(request: Request) -> Response:
        assert CALLER.get() == "somebody"
        return Response(headers=Headers([("Content-Type", "text/plain")]), body=Lines())

    app = FastAPI()
    app.add_middleware(Name)
    route = Route(path="/s", methods=("GET",), handler=handler, name="s", policy=RoutePolicy.STREAM)
    FastAPIApp(app).add_routes([route])
    assert TestClient(app).get("/s").text == "somebody"


@pytest.mark.parametrize("stalled", [False, True])
def test_cancelled_request_ends_its_stream(stalled: bool) -> None:
    """When the task is cancelled, the thread ends the stream, also while a send is stuck."""
    stream = Endless()
    host = FastAPIApp()
    host.add_routes([route_to(Response(body=stream))])

    async def run() -> None:
        sent = asyncio.Event()
        left = 1

        async def receive() -> Message:
            nonlocal left
            left -= 1
            if left == 0:
                return {"type": "http.request", "body": b"", "more_body": False}
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Message) -> None:
            if message["type"] == "http.response.body":
                sent.set()
                if stalled:
                    await asyncio.Event().wait()

        task = asyncio.create_task(host.app(http_scope("/s"), receive, send))
        await asyncio.wait_for(sent.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(200):
            if stream.closed:
                break
            await asyncio.sleep(0.01)

    asyncio.run(run())
    assert stream.closed == 1
    assert len(stream.threads) == 1


def test_body_that_is_given_again_and_again() -> None:
    """A middleware that hands out the same body for ever does not make the loop spin."""
    app = FastAPI()
    FastAPIApp(app).add_routes(echo_routes())

    async def run() -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"abc", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {**http_scope("/predict/"), "method": "POST"}
        await asyncio.wait_for(app(scope, receive, send), 5)
        return sent

    assert b'"body":"abc"' in asyncio.run(run())[1]["body"]


def test_rest_of_a_refused_body_is_dropped() -> None:
    """An answer to a body over the limit closes the connection, after what still comes is read."""
    host = FastAPIApp()
    host.add_routes(echo_routes())

    async def run() -> tuple[list[Message], int]:
        sent: list[Message] = []
        left = 20

        async def receive() -> Message:
            nonlocal left
            left -= 1
            return {"type": "http.request", "body": b"x" * 100, "more_body": left > 0}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {**http_scope("/predict/"), "method": "POST"}
        scope["headers"] = [(b"content-length", b"2000")]
        await asyncio.wait_for(host.app(scope, receive, send), 5)
        return sent, left

    sent, left = asyncio.run(run())
    assert (b"connection", b"close") in sent[0]["headers"]
    assert left == 0
    assert sent[-1]["more_body"] is False


def test_slow_spool_does_not_hold_the_loop() -> None:
    """While a large body goes to a file, the loop answers others."""
    done: list[int] = []

    def handler(request: Request) -> Response:
        done.append(request.body.size)
        request.body.close()
        return bytes_response(b"ok", "text/plain")

    route = Route(
        path="/p", methods=("POST",), handler=handler, name="p", policy=RoutePolicy.PREDICT
    )
    host = FastAPIApp()
    host.add_routes([route])
    chunk, number = b"x" * 65536, 1024

    async def run() -> float:
        left = number

        async def receive() -> Message:
            nonlocal left
            left -= 1
            await asyncio.sleep(0)
            return {"type": "http.request", "body": chunk, "more_body": left > 0}

        async def send(message: Message) -> None:
            pass

        worst = 0.0
        scope = {**http_scope("/p"), "method": "POST"}
        task = asyncio.create_task(host.app(scope, receive, send))
        while not task.done():
            before = anyio.current_time()
            await asyncio.sleep(0.001)
            worst = max(worst, anyio.current_time() - before)
        await task
        return worst

    assert asyncio.run(run()) < 0.5
    assert done == [64 * 1024 * 1024]


def test_probe_answers_while_every_thread_is_taken() -> None:
    """A probe needs no thread, so that it answers when none is left."""
    release = threading.Event()
    running = threading.Semaphore(0)

    def wait(request: Request) -> Response:
        running.release()
        release.wait(20)
        return bytes_response(b"late", "text/plain")

    slow = Route(path="/w", methods=("GET",), handler=wait, name="w", policy=RoutePolicy.PREDICT)
    host = FastAPIApp()
    host.add_routes([*echo_routes(), slow])
    with TestClient(host.app) as client:
        clients = [threading.Thread(target=client.get, args=("/w",)) for _ in range(140)]
        for thread in clients:
            thread.start()
        for _ in range(128):
            assert running.acquire(timeout=10)
        try:
            assert client.get("/ping").status_code == 200
        finally:
            release.set()
            for thread in clients:
                thread.join(10)


def test_handler_that_raises_is_500_in_our_application() -> None:
    """A handler never raises; one that does is answered in the envelope, and logged once."""

    def broken(request: Request) -> Response:
        raise KeyError("s3cret")

    for policy in (RoutePolicy.PROBE, RoutePolicy.PREDICT):
        route = Route(path="/b", methods=("GET",), handler=broken, name="b", policy=policy)
        host = FastAPIApp()
        host.add_routes([route])
        answer = TestClient(host.app).get("/b")
        assert answer.status_code == 500
        assert "s3cret" not in answer.text
        assert answer.headers["x-drum-version"]


def test_thread_of_a_finished_stream_is_given_back() -> None:
    """After many streams no thread is kept and no stream is open."""
    streams: list[Endless] = []

    class Three(Endless):
        def __iter__(self) -> Iterator[bytes]:
            yield from (b"1", b"2", b"3")

    def handler(request: Request) -> Response:
        streams.append(Three())
        return Response(body=streams[-1])

    route = Route(path="/s", methods=("GET",), handler=handler, name="s", policy=RoutePolicy.STREAM)
    host = FastAPIApp()
    host.add_routes([route])
    with TestClient(host.app) as client:
        for _ in range(300):
            assert client.get("/s").content == b"123"
    wait_until(lambda: all(stream.closed == 1 for stream in streams))
