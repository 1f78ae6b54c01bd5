"""A server of the OpenAI API in the place of a model, and requests that go through to it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drum_core.errors import DrumError
from drum_core.options import ServerOptions
from drum_core.testing import Answer, Call, DictHost, HttpClient, fetch
from tests.core.served import await_state, get, post, serving
from tests.model_folders import DOUBLE, make_folder
from tests.security.live import SERVERS, operated
from tests.upstream.openai_server import OpenAIServer, openai_server
from tests.web.live import wait_until

TEXT = """\
name: beside
type: inference
targetType: textgeneration
inferenceModel:
  targetName: answer
"""
JSON = ("Content-Type", "application/json")
CHAT = "/v1/chat/completions"
PASSED = ("/directAccess/", "/nim/")


@pytest.fixture
def upstream() -> Iterator[OpenAIServer]:
    """The server beside."""
    with openai_server() as server:
        yield server


@pytest.fixture
def host(upstream: OpenAIServer, tmp_path: Path) -> Iterator[DictHost]:
    """A text model that is a sidecar."""
    with beside(upstream.port, tmp_path) as found:
        yield found


@contextmanager
def beside(port: int, path: Path, **more: object) -> Iterator[DictHost]:
    """What answers with the sidecar at `port`."""
    folder = make_folder(path / "m", metadata=TEXT)
    options = {"gpu_predictor": "vllm", "sidecar": True, "openai_host": "127.0.0.1", **more}
    with serving(folder, wait=False, openai_port=port, **options) as found:
        wait_until(lambda: get(found, "/startupz").status == 200)
        yield found


def fields(answer: Answer) -> dict[str, str]:
    """The fields that the upstream saw, in lower case."""
    seen = answer.json()["fields"]
    assert isinstance(seen, list)
    return {name.lower(): value for name, value in seen}


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_chat_is_asked_of_the_sidecar(host: DictHost, upstream: OpenAIServer) -> None:
    """The name of the model is the server's where the client knows none; other keys pass."""
    body = b'{"messages": [{"role": "user", "content": "hi"}], "top_k": 4, "model": "%s"}'
    for model, expected in ((b"datarobot-deployed-llm", "llama"), (b"other", "other")):
        answer = post(host, body % model, JSON, target=CHAT)
        assert (answer.status, answer.json()["model"]) == (200, expected)
        assert len(str(answer.json()["datarobot_association_id"])) == 36
    assert [item["model"] for item in upstream.asked] == ["llama", "other"]
    assert all(item["top_k"] == 4 for item in upstream.asked)
    assert get(host, "/v1/models").json()["data"] == [
        {"id": "llama", "object": "model", "owned_by": "tests"}
    ]


def test_chat_is_streamed(host: DictHost) -> None:
    """Each event comes through, with the association id, and DONE at the end."""
    body = (
        b'{"messages": [{"role": "user", "content": "a b c"}], "stream": true,'
        b' "datarobot_association_id": "id-1"}'
    )
    answer = post(host, body, JSON, target=CHAT)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    events = answer.body.decode().strip().split("\n\n")
    assert [word in event for word, event in zip("abc", events, strict=False)] == [True] * 3
    assert all("id-1" in event for event in events[:3])
    assert events[3:] == ["data: [DONE]"]


@pytest.mark.parametrize(
    ("text", "status", "said"), [("refuse", 422, "too rude"), ("fail", 502, "answered 500")]
)
def test_refusals_of_the_sidecar_are_told(
    text: str, status: int, said: str, host: DictHost
) -> None:
    """What it refuses keeps its status and words; what it cannot do is 502."""
    body = b'{"messages": [{"role": "user", "content": "%s"}]}' % text.encode()
    answer = post(host, body, JSON, target=CHAT)
    assert (answer.status, said in str(answer.json()["message"])) == (status, True)


def test_stream_that_breaks_off_has_no_done(host: DictHost) -> None:
    """An error event is the last of it."""
    body = b'{"messages": [{"role": "user", "content": "break off"}], "stream": true}'
    events = post(host, body, JSON, target=CHAT).body.decode().strip().split("\n\n")
    assert "without [DONE]" in events[-1]


def test_prompts_of_a_table(
    upstream: OpenAIServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One completion a row, or n, with the parameters of the model."""
    for name, value in (("n", "2"), ("max_tokens", "7"), ("system_prompt", "be brief")):
        monkeypatch.setenv(f"MLOPS_RUNTIME_PARAM_{name}", value)
    with beside(upstream.port, tmp_path) as host:
        answer = post(host, "promptText\n1\n2\n", ("Content-Type", "text/csv"))
        assert answer.json() == {"predictions": ["you said 1"] * 2 + ["you said 2"] * 2}
        assert post(host, "x\n1\n", ("Content-Type", "text/csv")).status == 500
    asked = upstream.asked[0]
    assert (asked["n"], asked["max_tokens"], asked.get("temperature")) == (2, 7, None)
    assert asked["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "1"},
    ]


def test_probes_tell_how_the_sidecar_is(host: DictHost, upstream: OpenAIServer) -> None:
    """Unready while it is unwell, ready again when it is well; alive all the time."""
    paths = ("/", "/ping/", "/health/", "/readyz")
    assert {get(host, path).status for path in paths} == {200}
    upstream.healthy = False
    wait_until(lambda: get(host, "/readyz").status == 503)
    assert {get(host, path).status for path in paths} == {503}
    assert b"answers 503" in get(host, "/ping/").body
    assert get(host, "/livez").status == 200
    upstream.healthy = True
    wait_until(lambda: {get(host, path).status for path in paths} == {200})


def test_sidecar_that_is_not_there(tmp_path: Path) -> None:
    """Probes say 503, and chat and proxy 502 with where it was looked for."""
    port = free_port()
    with beside(port, tmp_path) as host:
        for answer in (
            get(host, "/nim/v1/models"),
            post(host, b'{"messages": [{"role": "user"}]}', JSON, target=CHAT),
        ):
            assert answer.status == 502
            assert f"127.0.0.1:{port}, cannot be reached" in str(answer.json()["message"])
        assert get(host, "/readyz").status == get(host, "/ping/").status == 503


@pytest.mark.parametrize("prefix", PASSED)
def test_request_goes_through_as_it_came(prefix: str, host: DictHost) -> None:
    """Method, path, query with its repeated keys, fields and body; not the connection's."""
    sent = [
        ("Connection", "X-Mine, close"),
        ("X-Mine", "1"),
        ("X-Kept", "2"),
        ("Te", "trailers"),
        ("Host", "evil.example"),
        ("X-Request-Id", "r-9"),
        ("Authorization", "Bearer of-the-upstream"),
    ]
    target = f"{prefix}v1/a%20b/%3F%23/?x=2&x=1&y=&z=%2B"
    answer = fetch(host, Call("PUT", target, sent, b"\x00body"))
    seen = answer.json()
    assert (seen["method"], seen["target"]) == ("PUT", "/v1/a%20b/%3F%23?x=2&x=1&y=&z=%2B")
    assert seen["body"] == "\x00body"
    found = fields(answer)
    assert found["host"].startswith("127.0.0.1:")
    assert (found["x-kept"], found["x-request-id"]) == ("2", "r-9")
    assert found["authorization"] == "Bearer of-the-upstream"
    assert not {"x-mine", "te", "connection"} & set(found)


def test_answer_comes_through_as_it_was(host: DictHost) -> None:
    """Status and fields, cookies one by one; but nothing of the connection, and no open door."""
    answer = get(host, "/nim/teapot")
    assert answer.status == 418
    assert answer.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
    gone = {"X-Hop", "Keep-Alive", "Connection", "Access-Control-Allow-Origin"}
    assert not [name for name in gone if name in answer.headers]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert len(answer.headers.getlist("X-Request-ID")) == 1
    head = fetch(host, Call("HEAD", "/nim/teapot"))
    assert (head.status, head.body) == (418, b"")


def test_redirects_are_not_followed(host: DictHost) -> None:
    """The client gets them, and decides."""
    answer = get(host, "/nim/redirect")
    assert (answer.status, answer.headers["Location"]) == (307, "http://127.0.0.1:1/elsewhere")


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("http://evil.example/x", "/http://evil.example/x"),
        ("@evil.example/", "/@evil.example"),
        ("%252e%252e/x", "/%252e%252e/x"),
        ("a%0d%0aHost:%20evil", "/a%0D%0AHost:%20evil"),
    ],
)
def test_nothing_leads_away_from_the_upstream(path: str, target: str, host: DictHost) -> None:
    """What looks like an address, or like lines of a request, is a path there."""
    answer = get(host, f"/nim/{path}")
    assert answer.json()["target"] == target


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "%2e%2e/x", "a/%2e%2e%2fx", "a%5c..%5cx", "."]
)
def test_dots_are_refused(path: str, host: DictHost) -> None:
    """A segment that leads upwards, however it is written, is 400."""
    answer = get(host, f"/nim/{path}")
    assert (answer.status, "segment" in str(answer.json().get("message"))) == (400, True)


def test_connections_are_used_again(host: DictHost, upstream: OpenAIServer) -> None:
    """Many requests one after another need no more than a few connections."""
    for _ in range(20):
        assert get(host, "/nim/x").status == 200
    assert upstream.connections <= 4


def test_answer_that_is_cut_is_cut_here(host: DictHost) -> None:
    """Half an answer is not passed off as a whole one."""
    with pytest.raises(Exception, match=r"bytes too early|broke"):
        get(host, "/nim/cut")


def test_model_without_upstream_says_so(tmp_path: Path) -> None:
    """400 with a message, on both paths."""
    with serving(make_folder(tmp_path / "m", custom=DOUBLE)) as host:
        await_state(host)
        for prefix in PASSED:
            answer = post(host, b"x", target=f"{prefix}v1/models")
            assert (answer.status, "no server behind" in str(answer.json()["message"])) == (
                400,
                True,
            )


def test_deadline_is_the_parameters(upstream: OpenAIServer, tmp_path: Path) -> None:
    """A server that says nothing is 504, and its connection is cut."""
    with beside(upstream.port, tmp_path, proxy_timeout=1) as host:
        answer = get(host, "/nim/silent")
        assert answer.status == 504
        assert "NIM_DIRECT_ACCESS_REQUEST_TIMEOUT" in str(answer.json()["message"])
    assert upstream.left.wait(10)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"sidecar": True}, "needs --gpu-predictor"),
        ({"gpu_predictor": "nim"}, "add --sidecar"),
        ({"gpu_predictor": "triton", "sidecar": True}, "triton is not built"),
        ({"gpu_predictor": "nim", "sidecar": True, "openai_host": "http://a"}, "without scheme"),
        ({"gpu_predictor": "nim", "sidecar": True, "nim_health_route": "x"}, "a path such as"),
    ],
)
def test_options_that_do_not_go_together(
    words: dict[str, object], said: str, tmp_path: Path
) -> None:
    """Each is an error that says what to do."""
    with pytest.raises(DrumError, match=said):
        ServerOptions(code_dir=tmp_path, **words)  # type: ignore[arg-type]  # test data


@pytest.mark.parametrize("server", SERVERS)
def test_parts_come_as_they_are_made(server: str, upstream: OpenAIServer, tmp_path: Path) -> None:
    """On each server the first part is there while the second is not made yet, and a client that
    leaves takes the connection to the upstream with it."""
    folder = make_folder(tmp_path / "m", metadata=TEXT)
    words = ["--server", server, "--gpu-predictor", "nim", "--sidecar"]
    environ = {"OPENAI_HOST": "127.0.0.1", "OPENAI_PORT": str(upstream.port)}
    with operated(folder, words, environ, log=tmp_path / "log") as live:
        client = HttpClient(live.port)
        wait_until(lambda: fetch(client, Call("GET", "/readyz")).status == 200, 60)
        with client(Call("GET", "/directAccess/parts")) as answer:
            chunks = iter(answer.chunks)
            assert next(chunks) == b"first "
            upstream.gate.set()
            assert b"".join(chunks) == b"second"
        with socket.create_connection(("127.0.0.1", live.port)) as sock:
            sock.sendall(b"GET /nim/silent HTTP/1.1\r\nHost: a\r\n\r\n")
            assert not upstream.left.wait(0.5)
        assert upstream.left.wait(15)
        assert fetch(client, Call("GET", "/nim/v1/models")).status == 200
