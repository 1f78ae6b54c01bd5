"""FastAPI on uvicorn, in this process or, with several workers, in processes of ours."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import anyio
import anyio.to_thread
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from drum_core.options.server import ServerSettings
from drum_core.protocols import Assemble
from drum_core.scoreboard import Place
from drum_web.fastapi_app import FastAPIApp
from drum_web.servers.listening import announce, refuse_new
from drum_web.servers.refusals import refusal
from drum_web.servers.signals import handled
from drum_web.servers.supervisor import serve_in_processes
from drum_web.servers.tls import tls_context
from drum_web.uvicorn_worker import FastAPIWorkerCtx

__all__ = ["run_worker", "serve"]

_logger = logging.getLogger("drum.server")

ACCEPT_SECONDS: Final = 0.02
"""Before the last accept: the loop takes all connections that wait."""

LINGER_SECONDS: Final = 1.0
"""How long connections without a request are kept once no more are accepted."""


def serve(settings: ServerSettings, assemble: Assemble) -> int:
    """Serves until SIGTERM or SIGINT, then drains; 0, or 1 when the model cannot load.

    Raises `ServerError` when it cannot listen.
    """
    return serve_in_processes(run_worker, settings, assemble)


def run_worker(
    settings: ServerSettings, assemble: Assemble, sock: socket.socket, place: Place
) -> int:
    """Serves on `sock` in this process; what `serve` says."""
    worker = FastAPIWorkerCtx(on_fail=lambda error: server.fail(error), place=place)
    app = FastAPIApp(lifespan=worker.lifespan)
    server = _Server(_config(_Closing(app.app, lambda: server.should_exit), settings), worker)
    server.supervised = place.supervised
    server.patience = settings.drain_delay + settings.graceful_timeout
    with handled(server.handle_exit), tls_context(settings) as context:
        try:
            server.config.load()
            server.config.ssl = context
            assemble(app, worker)
            if not place.supervised:
                announce(sock, secure=settings.tls is not None)
            server.run(sockets=[sock])
        except SystemExit:  # uvicorn's way to say that a lifespan failed; it has logged why
            return 1
        finally:
            worker.cleanup()
    return 1 if server.failed else 0


def _config(app: ASGIApp, settings: ServerSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        workers=1,
        lifespan="on",
        ws="none",
        http=_Protocol,
        interface="asgi3",
        log_config=None,
        log_level=settings.server_log_level,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=settings.backlog,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=settings.graceful_timeout,
    )


class _Protocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type] # chosen when it is imported
    """Says to what is no request what the other servers say."""

    transport: asyncio.Transport

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn, for whichever parser it has."""
        self.transport.write(refusal(400, "bad request."))
        self.transport.close()


class _Server(uvicorn.Server):
    """Stops the worker before it drains, and does not raise the signal that ended it again."""

    def __init__(self, config: uvicorn.Config, worker: FastAPIWorkerCtx) -> None:
        super().__init__(config)
        self._worker = worker
        self.failed = False
        self.patience = 0.0
        self.supervised = False

    def fail(self, error: BaseException) -> None:
        """Ends the server because its worker can never work; from any thread."""
        if not self.should_exit:
            _logger.error("Stopping: the worker cannot serve its model (%s)", type(error).__name__)
            self.failed = True
            self.should_exit = True

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # `handled` has them, since before the application was assembled

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        with anyio.move_on_after(self.patience):
            await anyio.to_thread.run_sync(self._worker.stop, abandon_on_cancel=True)
        await self._settle(sockets or [])
        await super().shutdown(sockets)

    async def _settle(self, sockets: list[socket.socket]) -> None:
        """Takes what waits to be accepted, accepts no more, and lets idle connections end.

        A client may be sending its next request on a connection that is kept alive: it is
        answered, with `Connection: close`, where uvicorn would have closed without a word.
        """
        if not self.supervised:
            for sock in sockets:
                refuse_new(sock)
        await anyio.sleep(ACCEPT_SECONDS)
        for server in self.servers:
            server.close()
        for sock in sockets:
            sock.close()
        with anyio.move_on_after(LINGER_SECONDS):
            while any(map(_is_idle, self.server_state.connections)):
                await anyio.sleep(0.02)


def _is_idle(connection: object) -> bool:
    """Whether a connection of uvicorn, of either protocol class, has no request now."""
    cycle: object = getattr(connection, "cycle", None)
    return cycle is None or bool(getattr(cycle, "response_complete", True))


class _Closing:
    """Tells clients, while the server ends, to open another connection for another request."""

    def __init__(self, app: ASGIApp, ending: Callable[[], bool]) -> None:
        self._app = app
        self._ending = ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_closing(message: Message) -> None:
            if message["type"] == "http.response.start" and self._ending():
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive, send_closing)
