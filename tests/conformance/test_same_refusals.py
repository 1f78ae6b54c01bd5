"""One guarded model on every host: who is let in, and what the others are told, is the same."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import pytest

from drum_core import LocalWorker
from drum_core.testing import (
    Answer,
    AsgiClient,
    Call,
    Client,
    DictHost,
    HttpClient,
    WsgiClient,
    fetch,
    live_server,
)
from drum_web import FastAPIApp, FlaskApp
from tests.conformance.secured_app import HOST, PAGE, PREFIX, TOKENS, assemble
from tests.conformance.test_live_servers import SERVERS
from tests.conformance.test_same_answers import told

NAMED: Final = ("Host", HOST)
BEARER: Final = ("Authorization", f"Bearer {TOKENS[0]}")
FROM_PAGE: Final = ("Origin", PAGE)
PREFLIGHT: Final = (
    ("Access-Control-Request-Method", "POST"),
    ("Access-Control-Request-Headers", "authorization, content-type,x-stainless-os"),
)

PROBES: Final = ("/", "/ping", "/ping/", "/health/", "/livez", "/readyz", "/startupz")
GUARDED: Final = ("/info/", "/capabilities", "/stats/", "/models", "/v1/models")
RUNNING: Final = (
    *("/predict/", "/predictions/", "/invocations", "/transform/", "/predictUnstructured/"),
    *("/predictionsUnstructured", "/chat/completions", "/v1/chat/completions/"),
)
NOWHERE: Final = ("/nothing", "//ping", "/ping;/info", "/PING", "/ping%2F..%2Finfo", "/info%2F")
WRONG: Final = (
    "Bearer wrong",
    "Bearer",
    "Bearer ",
    "Basic dXNlcjpwYXNz",
    TOKENS[0],
    f"Bearer {TOKENS[0]}x",
    f"Bearer {TOKENS[0]},{TOKENS[1]}",
    f"Bearer {TOKENS[0][:-1]}",
    f"Token {TOKENS[0]}",
    "Bearer caf\xe9",
)

WITHOUT_TOKEN: Final = [
    *(Call("GET", PREFIX + path, [NAMED]) for path in (*GUARDED, *NOWHERE)),
    *(Call("POST", PREFIX + path, [NAMED], b"body") for path in RUNNING),
    *(Call(method, f"{PREFIX}/info/", [NAMED]) for method in ("HEAD", "OPTIONS", "DELETE")),
    *(Call("GET", f"{PREFIX}/info/", [NAMED, ("Authorization", sent)]) for sent in WRONG),
    Call("POST", f"{PREFIX}/predictUnstructured/", [NAMED], [b"x" * 70_000] * 3),
    Call("GET", f"{PREFIX}/info/?token={TOKENS[0]}", [NAMED]),
    Call("GET", f"{PREFIX}/info/", [NAMED, FROM_PAGE]),
    Call("GET", "/elsewhere", [NAMED]),
]
WITH_TOKEN: Final = [
    *(Call("GET", PREFIX + path, [NAMED, BEARER]) for path in (*PROBES, *GUARDED[:2], *NOWHERE)),
    *(Call("POST", PREFIX + path, [NAMED, BEARER], b"body") for path in RUNNING[:6]),
    Call("GET", f"{PREFIX}/info/", [NAMED, ("authorization", f"bEaReR   {TOKENS[1]}")]),
    Call("GET", f"{PREFIX}/info/", [NAMED, BEARER, FROM_PAGE]),
    Call("GET", f"{PREFIX}/nothing", [NAMED, BEARER, FROM_PAGE]),
    Call("DELETE", f"{PREFIX}/info/", [NAMED, BEARER, FROM_PAGE]),
    Call("GET", f"{PREFIX}/info/", [NAMED, BEARER, ("Origin", "https://evil.example.com")]),
]
FREE: Final = [
    *(Call(method, PREFIX + path) for path in PROBES for method in ("GET", "HEAD", "OPTIONS")),
    *(Call("GET", PREFIX + path, [("Host", "10.1.2.3:8080")]) for path in PROBES),
]
ELSEWHERE: Final = [
    *(Call("GET", f"{PREFIX}/info/", [("Host", host), BEARER]) for host in ("evil.com", HOST[1:])),
    Call("GET", f"{PREFIX}/info/", [("Host", f"{HOST}.evil.com"), BEARER]),
    Call("GET", f"{PREFIX}/nothing", [("Host", "evil.com"), BEARER]),
    Call("POST", f"{PREFIX}/chat/completions", [("Host", "internal"), BEARER], b"{}"),
]
PREFLIGHTS: Final = [
    Call("OPTIONS", path, [NAMED, FROM_PAGE, *PREFLIGHT])
    for path in (f"{PREFIX}/v1/chat/completions", f"{PREFIX}/ping", "/nothing")
]
OTHER_PREFLIGHTS: Final = [
    Call("OPTIONS", f"{PREFIX}/info/", [NAMED, ("Origin", "https://evil.example.com"), *PREFLIGHT]),
    Call("OPTIONS", f"{PREFIX}/info/", [NAMED, ("Origin", "null"), *PREFLIGHT]),
]
CALLS: Final = [
    *WITHOUT_TOKEN,
    *WITH_TOKEN,
    *FREE,
    *ELSEWHERE,
    *PREFLIGHTS,
    *OTHER_PREFLIGHTS,
]

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@contextmanager
def running(name: str) -> Iterator[Client]:
    """The guarded model on a host, ready."""
    if name.startswith("live "):
        where = "tests.conformance.secured_app:assemble"
        with live_server(SERVERS[name[5:]], assemble=where) as server:
            yield ready(HttpClient(server.port))
        return
    with LocalWorker() as worker:
        if name == "dict":
            host = DictHost()
            assemble(host, worker)
            yield ready(host)
        elif name == "flask":
            flask = FlaskApp()
            assemble(flask, worker)
            yield ready(WsgiClient(flask.app))
        else:
            fastapi = FastAPIApp()
            assemble(fastapi, worker)
            with AsgiClient(fastapi.app) as client:
                yield ready(client)


def ready(client: Client) -> Client:
    """Waits for the model, as an orchestrator does: without a token, by any name."""
    until = time.monotonic() + 30
    while fetch(client, Call("GET", f"{PREFIX}/readyz")).status != 200:
        assert time.monotonic() < until, "the model is not ready"
        time.sleep(0.05)
    return client


def answers(client: Client, calls: Sequence[Call]) -> list[Answer]:
    """Every call, with one request id for all."""
    same = ("X-Request-ID", "r-1")
    return [fetch(client, Call(c.method, c.target, [*c.headers, same], c.body)) for c in calls]


@pytest.fixture(scope="module")
def reference() -> dict[int, Answer]:
    """What the host without a framework answers to each call, by its place."""
    with running("dict") as client:
        return dict(enumerate(answers(client, CALLS)))


def of(reference: dict[int, Answer], calls: Sequence[Call]) -> list[tuple[Call, Answer]]:
    """The answers to some of the calls."""
    return [(call, reference[CALLS.index(call)]) for call in calls]


@pytest.mark.parametrize("name", ["flask", "fastapi", *(f"live {name}" for name in SERVERS)])
def test_refusals_are_the_same(name: str, reference: dict[int, Answer]) -> None:
    """Status, header fields and bytes are those of the reference, for each call."""
    with running(name) as client:
        found = answers(client, CALLS)
    for call, answer, expected in zip(CALLS, found, reference.values(), strict=True):
        assert told(call, answer) == told(call, expected), (call.method, call.target, call.headers)


def test_without_a_token_nothing_but_probes(reference: dict[int, Answer]) -> None:
    """Whatever else is asked for, in whatever spelling, is 401 and says how to come in."""
    for call, answer in of(reference, WITHOUT_TOKEN):
        assert answer.status == 401, (call.method, call.target, call.headers)
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="drum"')
        assert b"reached" not in answer.body
    with_wrong = reference[CALLS.index(WITHOUT_TOKEN[-14])]
    assert with_wrong.headers["WWW-Authenticate"].endswith('error="invalid_token"')


def test_with_a_token_as_without_security(reference: dict[int, Answer]) -> None:
    """Each of the tokens opens what is there; what is not there is 404."""
    for call, answer in of(reference, WITH_TOKEN):
        assert answer.status != 401, (call.method, call.target)
    statuses = {answer.status for _, answer in of(reference, WITH_TOKEN)}
    assert statuses >= {200, 404, 405, 422}


def test_probes_are_free(reference: dict[int, Answer]) -> None:
    """Whoever probes has no token, and asks for an address."""
    assert {answer.status for _, answer in of(reference, FREE)} == {200}


def test_other_hosts_are_misdirected(reference: dict[int, Answer]) -> None:
    """A name that is not listed is 421, whatever the path and the token."""
    assert {answer.status for _, answer in of(reference, ELSEWHERE)} == {421}


def test_every_answer_has_the_security_headers(reference: dict[int, Answer]) -> None:
    """Refusals, errors and answers alike; none names a server."""
    for call, answer in of(reference, CALLS):
        for name, value in HEADERS.items():
            assert answer.headers.getlist(name) == [value], (call.method, call.target, name)
        assert "X-Drum-Version" in answer.headers
        assert "Server" not in answer.headers


def test_chat_routes_refuse_as_the_openai_api(reference: dict[int, Answer]) -> None:
    """A client of that API reads type and code."""
    answer = reference[CALLS.index(Call("POST", f"{PREFIX}/chat/completions", [NAMED], b"body"))]
    content = answer.json()
    assert content["error"] == {
        "message": content["message"],
        "type": "authentication_error",
        "param": None,
        "code": "invalid_api_key",
    }
    assert content["request_id"] == "r-1"


def test_pages_that_are_listed_may_read(reference: dict[int, Answer]) -> None:
    """Also errors; other pages get nothing, and caches keep them apart."""
    for call, answer in of(reference, CALLS):
        asked = dict(call.headers).get("Origin")
        expected = [PAGE] if asked == PAGE else []
        assert answer.headers.getlist("Access-Control-Allow-Origin") == expected, call
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert any("Origin" in value for value in answer.headers.getlist("Vary")), call


def test_preflights_need_no_token(reference: dict[int, Answer]) -> None:
    """A browser sends none with them; pages that are not listed are treated as anybody else."""
    for _, answer in of(reference, PREFLIGHTS):
        assert (answer.status, answer.body) == (204, b"")
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
        allowed = answer.headers["Access-Control-Allow-Headers"]
        assert allowed == "authorization, content-type,x-stainless-os"
        assert int(answer.headers["Access-Control-Max-Age"]) > 0
    assert {answer.status for _, answer in of(reference, OTHER_PREFLIGHTS)} == {401}


def test_model_does_not_see_the_token(reference: dict[int, Answer]) -> None:
    """The token opens the server; a hook might pass it on."""
    call = Call("POST", f"{PREFIX}/predictUnstructured/", [NAMED, BEARER], b"body")
    answer = reference[CALLS.index(call)]
    assert answer.status == 200
    assert "Authorization" not in json.loads(answer.body)
    assert "Host" in json.loads(answer.body)
