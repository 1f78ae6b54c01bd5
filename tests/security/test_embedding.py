"""In an application of somebody else's, only the routes of the model are touched."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI
from flask import Flask
from starlette.responses import PlainTextResponse
from starlette.types import Message, Scope

from drum_core import CMRunner, DrumRuntime, LocalWorker, ServerOptions, WebApp
from drum_core.testing import Answer, AsgiClient, Call, Client, DictHost, WsgiClient, fetch
from drum_web import FastAPIApp, FlaskApp
from tests.model_folders import DOUBLE, make_folder

TOKEN = "embedded-0123456789"
BEARER = ("Authorization", f"Bearer {TOKEN}")
PAGE = ("Origin", "https://app.example.com")
OURS = {
    *("x-content-type-options", "x-frame-options", "referrer-policy", "cache-control"),
    *("x-drum-version", "access-control-allow-origin", "vary", "www-authenticate"),
}


def mount(app: WebApp, worker: LocalWorker, folder: Path, **options: object) -> None:
    """A model with a token and a page, under a prefix."""
    made = ServerOptions(code_dir=folder, url_prefix="/m", **options)  # type: ignore[arg-type]  # test data
    runtime = DrumRuntime(made)
    worker.defer_cleanup(runtime.close)
    CMRunner(runtime, app=app, worker_ctx=worker).run()


@contextmanager
def flask_client(folder: Path, **options: object) -> Iterator[Client]:
    """Somebody's Flask."""
    app = Flask("theirs")
    app.add_url_rule("/theirs", view_func=lambda: "theirs")
    with LocalWorker() as worker:
        mount(FlaskApp(app), worker, folder, **options)
        yield WsgiClient(app)


@contextmanager
def fastapi_client(folder: Path, **options: object) -> Iterator[Client]:
    """Somebody's FastAPI."""
    app = FastAPI()
    app.add_api_route("/theirs", lambda: PlainTextResponse("theirs"))
    with LocalWorker() as worker:
        mount(FastAPIApp(app), worker, folder, **options)
        with AsgiClient(app) as client:
            yield client


CLIENTS = {"flask": flask_client, "fastapi": fastapi_client}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a model."""
    return make_folder(tmp_path / "model", custom=DOUBLE)


def names(answer: Answer) -> set[str]:
    """Its header names, in lower case."""
    return {name.lower() for name in answer.headers}


@pytest.mark.parametrize("kind", CLIENTS)
def test_their_routes_are_theirs(folder: Path, kind: str) -> None:
    """No token, no header, no host is asked of what is not the model's."""
    options = {"server_token": TOKEN, "cors_origins": (PAGE[1],), "trusted_hosts": ("a.example",)}
    with CLIENTS[kind](folder, **options) as client:
        for path, status in (("/theirs", 200), ("/nothing", 404), ("/m/nothing", 404)):
            answer = fetch(client, Call("GET", path, [PAGE]))
            assert answer.status == status
            assert not names(answer) & OURS
        preflight = [PAGE, ("Access-Control-Request-Method", "GET")]
        answer = fetch(client, Call("OPTIONS", "/theirs", preflight))
        assert "Access-Control-Allow-Origin" not in answer.headers


FLASK = """
def init_app(app):
    app.add_url_rule("/added/<name>", view_func=lambda name: f"hello {name}", endpoint="added")
"""
FASTAPI = """
from fastapi import APIRouter
from starlette.responses import PlainTextResponse

def init_app(app):
    router = APIRouter(prefix="/added")
    router.add_api_route("/{name}", lambda name: PlainTextResponse(f"hello {name}"))
    app.include_router(router)
    app.add_api_route("/theirs", lambda: PlainTextResponse("shadowed"))
    app.router.routes.insert(0, app.router.routes.pop())
"""


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("is_open", [False, True])
def test_what_an_extension_adds_is_guarded(folder: Path, kind: str, is_open: bool) -> None:
    """In somebody's application too, unless the operator opens it."""
    (folder / "custom_flask.py").write_text(FLASK)
    (folder / "custom_fastapi.py").write_text(FASTAPI)
    with CLIENTS[kind](folder, server_token=TOKEN, open_extensions=is_open) as client:
        without = fetch(client, Call("GET", "/added/you"))
        assert without.status == (200 if is_open else 401)
        assert fetch(client, Call("GET", "/added/you", [BEARER])).body == b"hello you"
        theirs = fetch(client, Call("GET", "/theirs"))
        if kind == "flask":
            assert theirs.body == b"theirs"
        else:
            assert (theirs.body == b"shadowed") is is_open
        assert fetch(client, Call("GET", "/m/capabilities/")).status == 401


@pytest.mark.parametrize("kind", CLIENTS)
def test_routes_of_the_model_are_guarded(folder: Path, kind: str) -> None:
    """As on a server of our own: token, page, headers; probes are free."""
    with CLIENTS[kind](folder, server_token=TOKEN, cors_origins=(PAGE[1],)) as client:
        refused = fetch(client, Call("POST", "/m/predict/", [PAGE], [b"x" * 60_000] * 9))
        assert refused.status == 401
        assert "WWW-Authenticate" in refused.headers
        opened = fetch(client, Call("GET", "/m/capabilities/", [PAGE, BEARER]))
        probe = fetch(client, Call("GET", "/m/livez", [PAGE]))
        preflight = [PAGE, ("Access-Control-Request-Method", "POST")]
        asked = fetch(client, Call("OPTIONS", "/m/predict/", preflight))
        assert (probe.status, asked.status) == (200, 204)
        for answer in (refused, opened, probe, asked):
            assert answer.headers["Access-Control-Allow-Origin"] == PAGE[1]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("headers", "opened"), [([], False), ([("Authorization", f"Bearer {TOKEN}")], True)]
)
@pytest.mark.parametrize("owned", [True, False])
def test_websocket_of_an_extension_is_guarded(
    folder: Path, headers: list[tuple[str, str]], opened: bool, owned: bool
) -> None:
    """No token, no handshake: in an application of DRUM's own and in somebody's."""
    (folder / "custom_fastapi.py").write_text(WEBSOCKET)
    host = FastAPIApp() if owned else FastAPIApp(FastAPI())
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    with LocalWorker() as worker:
        mount(host, worker, folder, server_token=TOKEN)
        scope: Scope = {
            "type": "websocket",
            "path": "/talk",
            "raw_path": b"/talk",
            "query_string": b"",
            "root_path": "",
            "scheme": "ws",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "subprotocols": [],
        }
        asyncio.run(host.app(scope, receive, send))
    assert sent[0]["type"] == ("websocket.accept" if opened else "websocket.close")


WEBSOCKET = """
from fastapi import WebSocket

def init_app(app):
    @app.websocket("/talk")
    async def talk(websocket: WebSocket):
        await websocket.accept()
        await websocket.close()
"""


def test_two_models_of_one_application_have_their_own_tokens(folder: Path) -> None:
    """Each route asks for its own; what belongs to neither must satisfy both."""
    app = FlaskApp()
    with LocalWorker() as worker:
        for prefix, token in (("/a", "token-of-a"), ("/b", "token-of-b")):
            runtime = DrumRuntime(
                ServerOptions(code_dir=folder, url_prefix=prefix, server_token=token)
            )
            worker.defer_cleanup(runtime.close)
            CMRunner(runtime, app=app, worker_ctx=worker).run()
        client = WsgiClient(app.app)
        seen = {
            (path, token): fetch(
                client, Call("GET", path, [("Authorization", f"Bearer token-of-{token}")])
            ).status
            for path in ("/a/capabilities/", "/b/capabilities/", "/nothing")
            for token in "ab"
        }
    opened = {key for key, status in seen.items() if status != 401}
    assert opened == {("/a/capabilities/", "a"), ("/b/capabilities/", "b")}


def test_broken_token_file_later_closes_the_routes(folder: Path, tmp_path: Path) -> None:
    """A model that was mounted with a file of tokens is closed when the file is emptied."""
    file = tmp_path / "tokens"
    file.write_text(TOKEN)
    host = DictHost()
    with LocalWorker() as worker:
        mount(host, worker, folder, server_token_file=file)
        assert fetch(host, Call("GET", "/m/capabilities/", [BEARER])).status != 401
        file.write_text("")
        for _ in range(100):
            if fetch(host, Call("GET", "/m/capabilities/", [BEARER])).status == 401:
                break
            time.sleep(0.05)
        else:
            pytest.fail("the routes stayed open")
