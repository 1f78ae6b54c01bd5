"""An operator's server, with a token, a list of proxies and an extension, seen from outside."""

from __future__ import annotations

import json
import socket
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.model_folders import DOUBLE, make_folder
from tests.security.live import SERVERS, Operated, operated
from tests.web.live import wait_until

TOKEN = "sk-live-0123456789abcdef"
NEXT = "sk-next-0123456789abcdef"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PAGE = "https://app.example.com"
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}

FLASK = """
    from flask import jsonify, request

    def init_app(app):
        @app.route("/mine/who")
        def who():
            return jsonify([request.remote_addr, request.scheme, dict(request.headers)])

        @app.route("/mine/cached")
        def cached():
            return "mine", 200, {"Cache-Control": "max-age=60"}

        @app.route("/mine/broken")
        def broken():
            raise RuntimeError("mine")

        inner = app.wsgi_app

        def front(environ, start):
            if environ["PATH_INFO"] in ("/predict/", "/elsewhere", "/ping/more"):
                start("200 OK", [("Content-Type", "text/plain")])
                return [b"answered in front"]
            return inner(environ, start)

        app.wsgi_app = front
"""
FASTAPI = """
    from fastapi import Request
    from fastapi.responses import PlainTextResponse

    class Front:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            if scope["type"] == "http" and scope["path"] in (
                "/predict/", "/elsewhere", "/ping/more"
            ):
                await PlainTextResponse("answered in front")(scope, receive, send)
                return
            await self.app(scope, receive, send)

    def init_app(app):
        @app.get("/mine/who")
        def who(request: Request):
            return [request.client.host, request.url.scheme, dict(request.headers)]

        @app.get("/mine/cached")
        def cached():
            return PlainTextResponse("mine", headers={"Cache-Control": "max-age=60"})

        @app.get("/mine/broken")
        def broken():
            raise RuntimeError("mine")

        app.add_middleware(Front)
"""
CUSTOM = (
    DOUBLE
    + """
def init(**kwargs):
    import os
    print("in the environment:", os.environ.get("DRUM_SERVER_TOKEN"))
"""
)


@dataclass(frozen=True)
class Guarded:
    """A server with a token in a file."""

    server: Operated
    token_file: Path
    url: str

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx2.Response:
        """One request on a connection of its own."""
        return httpx2.get(f"{self.url}{path}", headers=headers or {}, timeout=20)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, and an extension for either framework."""
    folder = make_folder(tmp_path_factory.mktemp("guarded") / "model", custom=CUSTOM)
    (folder / "custom_flask.py").write_text(textwrap.dedent(FLASK))
    (folder / "custom_fastapi.py").write_text(textwrap.dedent(FASTAPI))
    return folder


@pytest.fixture(scope="module", params=SERVERS)
def guarded(
    request: pytest.FixtureRequest, model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guarded]:
    """Each server in turn; this machine is a trusted proxy."""
    folder = tmp_path_factory.mktemp(request.param)
    token_file = folder / "tokens"
    token_file.write_text(f"# for the clients\n{TOKEN}\n")
    words = ["--server", request.param, "--server-token-file", str(token_file)]
    words += ["--trusted-proxies", "127.0.0.1,10.0.0.0/8", "--cors-origins", PAGE]
    words += ["--max-workers", "2" if request.param == "gunicorn" else "1"]
    with operated(model, words, log=folder / "log") as server:
        url = f"http://127.0.0.1:{server.port}"
        wait_until(lambda: httpx2.get(f"{url}/readyz").status_code == 200, 40)
        yield Guarded(server, token_file, url)


def head_of(answer: bytes) -> tuple[int, dict[str, str]]:
    """Status and header fields of raw bytes, names in lower case."""
    lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split(" ")[1]), fields


@pytest.mark.parametrize(
    "line",
    [
        b"GET /info/ HTTP/1.1\r\nHost: x/ping?q=",
        b"GET /info/ HTTP/1.1\r\nHost: localhost/livez",
        b"GET /info/ HTTP/1.1\r\nHost: x\r\nX-Forwarded-Prefix: /ping\r\nX-Original-URL: /ping",
        b"GET /info/ HTTP/1.1\r\nHost: x\r\nX-Forwarded-Host: ping\r\nX-Rewrite-Url: /ping",
        b"POST //predict/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0",
        b"POST /predict/;/ping HTTP/1.1\r\nHost: x\r\nContent-Length: 0",
        b"POST /ping/..%2fpredict/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0",
        b"POST /ping/../predict/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0",
        b"GET /ping%2f..%2finfo/ HTTP/1.1\r\nHost: x",
        b"GET /%69nfo/ HTTP/1.1\r\nHost: x",
        b"GET /INFO/ HTTP/1.1\r\nHost: x",
        b"GET /info/%00 HTTP/1.1\r\nHost: x",
        b"GET /info/?x=/ping HTTP/1.1\r\nHost: x",
        b"GET http://x/info/ HTTP/1.1\r\nHost: x",
        b"GET /info/ HTTP/1.1\r\nHost: x\r\nAuthorization:",
        b"GET /info/ HTTP/1.1\r\nHost: x\r\nAuthorization_: Bearer sk-live-0123456789abcdef",
        b"GET /info/ HTTP/1.1\r\nHost: x\r\nX-Authorization: Bearer sk-live-0123456789abcdef",
        b"GET /mine/who HTTP/1.1\r\nHost: x",
        b"GET /elsewhere HTTP/1.1\r\nHost: x",
        b"GET /ping/more HTTP/1.1\r\nHost: x",
        b"POST /predict/ HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
    ],
)
def test_no_spelling_opens_a_route(guarded: Guarded, line: bytes) -> None:
    """Without a token, nothing but a probe is answered, nor what an extension puts in front."""
    head, _, body = line.partition(b"\r\n\r\n")
    answer = guarded.server.raw(head + b"\r\nConnection: close\r\n\r\n" + body)
    status, fields = head_of(answer)
    assert status in {400, 401}, answer
    assert b"codeDir" not in answer
    assert b"in front" not in answer
    assert "server" not in fields


def test_token_opens(guarded: Guarded) -> None:
    """Routes, extensions, and what is put in front of them."""
    assert guarded.get("/info/", BEARER).status_code == 200
    assert guarded.get("/mine/who", BEARER).status_code == 200
    assert guarded.get("/elsewhere", BEARER).text == "answered in front"
    assert guarded.get("/nothing", BEARER).status_code == 404
    for path in ("/livez", "/readyz", "/ping/", "/health/", "/startupz", "/"):
        assert guarded.get(path).status_code == 200


def test_large_body_without_a_token_is_not_taken(guarded: Guarded) -> None:
    """The answer comes while most of the body has not been sent."""
    head = b"POST /predictions/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", guarded.server.port), timeout=10) as sock:
        sock.sendall(head + b"x" * 1000)
        assert sock.recv(12) == b"HTTP/1.1 401"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/livez", 200),
        ("GET", "/info/", 200),
        ("GET", "/nothing", 404),
        ("DELETE", "/info/", 405),
        ("POST", "/predictions/", 422),
        ("GET", "/mine/who", 200),
        ("GET", "/mine/broken", 500),
        ("GET", "/elsewhere", 200),
    ],
)
@pytest.mark.parametrize("token", [True, False])
def test_every_answer_has_the_headers(
    guarded: Guarded, method: str, path: str, status: int, token: bool
) -> None:
    """Errors, extensions and refusals as well; a listed page may read each of them."""
    headers = {"Origin": PAGE, **(BEARER if token else {})}
    answer = httpx2.request(method, f"{guarded.url}{path}", headers=headers)
    assert answer.status_code == (status if token or path == "/livez" else 401)
    for name, value in HEADERS.items():
        assert answer.headers.get_list(name) == [value]
    assert "server" not in answer.headers
    assert answer.headers.get_list("access-control-allow-origin") == [PAGE]
    assert "Origin" in answer.headers["vary"]


def test_extension_keeps_a_header_of_its_own(guarded: Guarded) -> None:
    """What an answer says itself is not said twice."""
    answer = guarded.get("/mine/cached", BEARER)
    assert answer.headers.get_list("cache-control") == ["max-age=60"]


@pytest.mark.parametrize(
    "garbage", [b"GET\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b"GET /ping HTTP/9.9\r\nHost: x\r\n\r\n"]
)
def test_garbage_is_refused_in_the_same_words(guarded: Guarded, garbage: bytes) -> None:
    """Bytes that are no request get the envelope and the headers; nothing of them comes back."""
    answer = guarded.server.raw(garbage)
    status, fields = head_of(answer)
    assert status in {400, 505}
    assert {name: fields.get(name, "").lower() for name in HEADERS} == {
        name: value.lower() for name, value in HEADERS.items()
    }
    assert "server" not in fields
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["message"].startswith("ERROR: ")


def test_trusted_proxy_is_believed(guarded: Guarded) -> None:
    """Client and scheme are those of X-Forwarded-For, from its end, and X-Forwarded-Proto."""
    told = {"X-Forwarded-For": "1.1.1.1, 203.0.113.9, 10.0.0.1", "X-Forwarded-Proto": "https"}
    address, scheme, _ = guarded.get("/mine/who", {**BEARER, **told}).json()
    assert (address, scheme) == ("203.0.113.9", "https")
    address, scheme, _ = guarded.get("/mine/who", BEARER).json()
    assert (address, scheme) == ("127.0.0.1", "http")


def test_tokens_are_rotated_without_restart(guarded: Guarded) -> None:
    """Both are taken for a while, then only the new one; an empty file opens nothing."""

    def statuses(token: str) -> set[int]:
        bearer = {"Authorization": f"Bearer {token}"}
        return {guarded.get("/capabilities/", bearer).status_code for _ in range(6)}

    try:
        guarded.token_file.write_text(f"{TOKEN}\n{NEXT}\n")
        wait_until(lambda: statuses(NEXT) == {200})
        assert statuses(TOKEN) == {200}
        guarded.token_file.write_text(f"{NEXT}\n")
        wait_until(lambda: statuses(TOKEN) == {401})
        assert statuses(NEXT) == {200}
        guarded.token_file.write_text("")
        wait_until(lambda: statuses(NEXT) == {401})
        assert guarded.get("/readyz").status_code == 200
        assert "No token is taken" in guarded.server.log
    finally:
        guarded.token_file.write_text(f"{TOKEN}\n")
        wait_until(lambda: statuses(TOKEN) == {200})


def test_tokens_are_nowhere_to_be_seen(guarded: Guarded) -> None:
    """Not in the log, the arguments of a process, nor in what the server tells of itself."""
    process = psutil.Process(guarded.server.process.pid)
    for each in (process, *process.children(recursive=True)):
        assert TOKEN not in " ".join(each.cmdline())
    for path in ("/info/", "/stats/", "/nothing", "/mine/broken"):
        assert TOKEN not in guarded.get(path, BEARER).text
    assert TOKEN not in guarded.server.log


@pytest.mark.parametrize("name", ["uvicorn", "gunicorn"])
def test_open_extensions_and_untrusted_proxies(model: Path, tmp_path: Path, name: str) -> None:
    """The operator may open what extensions add; whose word is not taken has it cut."""
    words = ["--server", name, "--open-extensions", "--trusted-proxies", "10.0.0.0/8"]
    environ = {"DRUM_SERVER_TOKEN": f"{TOKEN},{NEXT}"}
    with operated(model, words, environ, log=tmp_path / "log") as server:
        url = f"http://127.0.0.1:{server.port}"
        told = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        address, scheme, headers = httpx2.get(f"{url}/mine/who", headers=told).json()
        assert (address, scheme) == ("127.0.0.1", "http")
        assert not [key for key in headers if key.lower().startswith("x-forwarded")]
        assert httpx2.get(f"{url}/nothing").status_code == 404
        assert httpx2.get(f"{url}/info/").status_code == 401
        assert httpx2.post(f"{url}/predictions/").status_code == 401
        bearer = {"Authorization": f"Bearer {NEXT}"}
        wait_until(lambda: httpx2.get(f"{url}/info/", headers=bearer).status_code == 200)
        # A hook that prints the environment: each token is masked in what the process prints.
        wait_until(lambda: "in the environment: *****,*****" in server.log)
        assert TOKEN not in server.log
        assert NEXT not in server.log
