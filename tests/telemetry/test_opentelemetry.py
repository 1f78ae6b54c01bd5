"""What a real collector receives from live servers."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from drum_core.errors import MissingExtraError
from drum_core.modes.server import check
from drum_core.options import ServerOptions
from tests.model_folders import make_folder
from tests.security.live import SERVERS, Operated, operated
from tests.telemetry.otlp_receiver import Received, attributes, receiver
from tests.web.live import wait_until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
HEADERS = (
    "Host: x\r\nConnection: close\r\nX-Request-ID: r-7\r\nX-DataRobot-Consumer-Id: c-1\r\n"
    f"X-DataRobot-Consumer-Type: user\r\ntraceparent: 00-{TRACE}-{PARENT}-01\r\n"
)

CUSTOM = """\
import logging
import pandas as pd
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from opentelemetry import trace

def load_model(code_dir):
    return 2

def score(data, model, **kwargs):
    with trace.get_tracer("mine").start_as_current_span("in the hook"):
        logging.getLogger("my.model").warning("seen %d", len(data))
    if data["x"][0] < 0:
        raise ValueError("no negative numbers")
    return pd.DataFrame({"Predictions": data["x"] * model})

def piece(text, reason=None):
    return ChatCompletionChunk.model_validate({
        "id": "one", "object": "chat.completion.chunk", "created": 1, "model": "parrot",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}]})

def chat(params, model, **kwargs):
    if params.get("stream"):
        return iter([piece("Good "), piece("day", "stop")])
    message = {"role": "assistant", "content": "Hello"}
    return ChatCompletion.model_validate({
        "id": "one", "object": "chat.completion", "created": 1, "model": "parrot",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}})
"""
CHAT = {
    "model": "any",
    "messages": [{"role": "system", "content": "Be kind"}, {"role": "user", "content": "Hi"}],
}


def send(server: Operated, path: str, body: bytes, content_type: str = "text/csv") -> bytes:
    """POSTs within a trace; the whole answer."""
    head = f"POST {path} HTTP/1.1\r\n{HEADERS}Content-Type: {content_type}\r\n"
    return server.raw(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def chat(server: Operated, *, stream: bool) -> bytes:
    """A chat within a trace."""
    body = json.dumps({**CHAT, "stream": stream}).encode()
    return send(server, "/v1/chat/completions", body, "application/json")


def asked(folder: Path, words: list[str], log: Path, **more: str) -> Received:
    """What comes of two predictions, a failed one and two chats, when the server has ended."""
    with receiver() as received:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": received.url,
            "OTEL_SERVICE_NAME": "tested",
            **more,
        }
        with operated(folder, words, environ, log=log) as running:
            workers = 2 if "2" in words else 1
            wait_until(lambda: running.log.count("the model is ready") == workers)
            for body in (b"x\n1\n2\n", b"x\n3\n"):
                answer = send(running, "/predict/", body)
                assert b" 200 " in answer[:20], answer
            assert b" 500 " in send(running, "/predict/", b"x\n-1\n")[:20]
            assert b" 200 " in chat(running, stream=False)[:20]
            assert b"[DONE]" in chat(running, stream=True)
            running.raw(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            running.process.terminate()
            running.process.wait(20)
        return received


@pytest.mark.parametrize("server", SERVERS)
def test_spans_metrics_and_logs_arrive(tmp_path: Path, server: str) -> None:
    """One span and one measurement for each request, in the trace of its client."""
    folder = make_folder(tmp_path / "m", custom=CUSTOM)
    workers = "1" if server == "werkzeug" else "2"
    words = ["--server", server, "--max-workers", workers]
    opt_in = {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"}
    found = asked(folder, words, tmp_path / "log", **opt_in)

    predictions = found.named("drum.invocations")
    assert len(predictions) == 3
    assert all(span.trace_id.hex() == TRACE for span in found.spans)
    assert all(span.parent_span_id.hex() == PARENT for span in predictions)
    assert all(span.kind == 1 for span in predictions)
    told = [attributes(span.attributes) for span in predictions]
    assert told[0]["gen_ai.request.consumer_id"] == "c-1"
    assert told[0]["gen_ai.request.consumer_type"] == "user"
    assert told[0]["http.route"] == "/predict/"
    assert sorted(str(one["http.response.status_code"]) for one in told) == ["200", "200", "500"]
    [failed] = [span for span in predictions if span.status.code == 2]
    [event] = failed.events
    assert attributes(event.attributes)["exception.type"] == "ValueError"
    assert attributes(event.attributes)["exception.message"] == "no negative numbers"
    ids = {span.span_id for span in predictions}
    assert {span.parent_span_id for span in found.named("in the hook")} == ids

    whole, streamed = sorted(
        found.named("drum.chat.completions"), key=lambda span: span.start_time_unix_nano
    )
    said = attributes(whole.attributes)
    assert said["gen_ai.request.model"] == "any"
    assert said["gen_ai.prompt.0.role"] == "system"
    assert said["gen_ai.prompt.1.content"] == said["gen_ai.prompt"] == "Hi"
    assert json.loads(str(said["gen_ai.input.messages"]))[1] == {
        "role": "user",
        "parts": [{"type": "text", "content": "Hi"}],
    }
    assert said["gen_ai.completion.0.content"] == said["gen_ai.completion"] == "Hello"
    assert said["gen_ai.response.model"] == "parrot"
    assert said["gen_ai.usage.output_tokens"] == 4
    [stream] = found.named("drum.chat.completions.stream")
    assert stream.parent_span_id == streamed.span_id
    said = attributes(stream.attributes)
    assert said["gen_ai.completion"] == "Good day"
    assert json.loads(str(said["gen_ai.output.messages"])) == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "Good day"}],
            "finish_reason": "stop",
        }
    ]
    assert len(found.spans) == 3 + 3 + 2 + 1

    assert found.counts("http.server.request.duration") == 5
    assert found.counts("drum.batch.rows") == 2
    assert found.counts("gen_ai.server.request.duration") == 2
    assert found.counts("gen_ai.server.time_to_first_token") == 1
    [log] = [one for one in found.logs if one.body.string_value == "seen 2"]
    assert log.trace_id.hex() == TRACE
    assert log.span_id in {span.span_id for span in found.named("in the hook")}
    assert {one["service.name"] for one in found.resources} == {"tested"}


@pytest.mark.parametrize(
    "variable",
    [
        {"MLOPS_RUNTIME_PARAM_OTEL_SDK_DISABLED": '{"type": "boolean", "payload": true}'},
        {"OTEL_SDK_DISABLED": "true"},
    ],
)
def test_it_can_be_disabled(tmp_path: Path, variable: dict[str, str]) -> None:
    """By DRUM's runtime parameter, and by the standard variable."""
    folder = make_folder(tmp_path / "m", custom=CUSTOM)
    found = asked(folder, [], tmp_path / "log", **variable)
    assert (found.spans, found.metrics, found.logs) == ([], [], [])


def test_what_was_said_can_be_kept_out(tmp_path: Path) -> None:
    """The standard variable leaves the texts of chats out of spans."""
    folder = make_folder(tmp_path / "m", custom=CUSTOM)
    variable = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "false"}
    found = asked(folder, [], tmp_path / "log", **variable)
    told = [attributes(span.attributes) for span in found.spans]
    assert any(one.get("gen_ai.response.model") == "parrot" for one in told)
    assert "Good day" not in str(told)
    assert "Be kind" not in str(told)


def test_a_dead_collector_does_not_hold_the_end_up(tmp_path: Path) -> None:
    """The server answers, and ends with status 0 within the bound, without one."""
    folder = make_folder(tmp_path / "m", custom=CUSTOM)
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with operated(folder, [], environ, log=tmp_path / "log") as running:
        wait_until(lambda: "the model is ready" in running.log)
        assert b" 200 " in send(running, "/predict/", b"x\n1\n")[:20]
        began = time.monotonic()
        running.process.terminate()
        assert running.process.wait(30) == 0
        assert time.monotonic() - began < 25


def test_a_collector_without_the_packages_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to install, before anything is served."""
    monkeypatch.setattr("drum_core.telemetry.otel._is_installed", lambda: False)
    folder = make_folder(tmp_path / "m", custom=CUSTOM)
    options = ServerOptions(code_dir=folder, otel_endpoint="http://127.0.0.1:4318")
    with pytest.raises(MissingExtraError, match="drum-runtime\\[otel\\]"):
        check(options)
