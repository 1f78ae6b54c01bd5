"""A small server of the OpenAI API on loopback, and routes that show what a proxy sends."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class OpenAIServer:
    """A server that runs; what is set here it heeds at once."""

    port: int = 0
    healthy: bool = True
    connections: int = 0
    asked: list[dict[str, object]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    state: OpenAIServer

    def setup(self) -> None:
        """Counts it."""
        super().setup()
        self.state.connections += 1

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        """Whatever the method."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        {
            "/v1/models": self.models,
            "/v1/chat/completions": lambda: self.chat(json.loads(body)),
            "/health": self.health,
            "/v1/health/ready": self.health,
            "/redirect": self.redirect,
            "/cut": self.cut,
            "/silent": self.silent,
            "/parts": self.parts,
        }.get(path, lambda: self.echo(body))()

    do_POST = do_PUT = do_HEAD = do_GET

    def send(self, content: object, status: int = 200, *more: tuple[str, str]) -> None:
        """A whole JSON answer."""
        data = json.dumps(content).encode()
        self.send_response(status)
        for name, value in (("Content-Type", "application/json"), *more):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def echo(self, body: bytes) -> None:
        """What came."""
        seen = {
            "method": self.command,
            "target": self.path,
            "fields": [[name, value] for name, value in self.headers.items()],
            "body": body.decode("latin-1"),
        }
        more = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Hop", "1"), ("Keep-Alive", "1")]
        more += [("Connection", "keep-alive, X-Hop"), ("Access-Control-Allow-Origin", "*")]
        self.send(seen, 418 if "teapot" in self.path else 200, *more)

    def models(self) -> None:
        """One."""
        data = [{"id": "llama", "object": "model", "owned_by": "tests"}]
        self.send({"object": "list", "data": data})

    def health(self) -> None:
        """As it is set."""
        self.send(
            {"status": "fine"} if self.state.healthy else {"status": "loading"},
            200 if self.state.healthy else 503,
        )

    def redirect(self) -> None:
        """To somewhere else."""
        self.send({}, 307, ("Location", "http://127.0.0.1:1/elsewhere"))

    def cut(self) -> None:
        """Less than it promised."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * 10)
        self.close_connection = True

    def silent(self) -> None:
        """Nothing, until the client has left."""
        if self.connection.recv(1) == b"":
            self.state.left.set()
        self.close_connection = True

    def parts(self) -> None:
        """One part at once, another when the gate is open."""
        self.begin("text/plain")
        self.chunk(b"first ")
        self.state.gate.wait(20)
        self.chunk(b"second")
        self.chunk(b"")

    def begin(self, kind: str) -> None:
        """The head of a chunked answer."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        """A chunk, or the end."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def chat(self, params: dict[str, object]) -> None:
        """Repeats the last message, `n` times, whole or in events."""
        self.state.asked.append({**params, "authorization": self.headers["Authorization"]})
        messages = params["messages"]
        assert isinstance(messages, list)
        text = messages[-1]["content"]
        if text == "refuse":
            self.send({"error": {"message": "too rude", "type": "invalid"}}, 422)
        elif text == "fail":
            self.send({"error": {"message": "out of memory"}}, 500)
        elif params.get("stream"):
            self.stream(str(text))
        else:
            count = params.get("n") or 1
            assert isinstance(count, int)
            message = {"role": "assistant", "content": f"you said {text}"}
            choices = [{"index": at, "message": message} for at in range(count)]
            self.send(
                {
                    "id": "1",
                    "object": "chat.completion",
                    "model": params["model"],
                    "created": 1,
                    "choices": choices,
                }
            )

    def stream(self, text: str) -> None:
        """A word an event."""
        self.begin("text/event-stream")
        for word in text.split():
            choice = {"index": 0, "delta": {"content": word}}
            event = {
                "id": "1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "llama",
                "choices": [choice],
            }
            self.chunk(b"data: " + json.dumps(event).encode() + b"\n\n")
        if text != "break off":
            self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")


@contextmanager
def openai_server() -> Iterator[OpenAIServer]:
    """Runs one, in threads of this process."""
    state = OpenAIServer()
    handler = type("Bound", (Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield state
    finally:
        state.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()
