"""FastAPI on uvicorn, in this process or, with several workers, in processes of ours."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import anyio.to_thread
import uvicorn
from starlette.applications import Starlette
from typing_extensions import override
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from drum_core.options.server import ServerSettings
from drum_core.protocols import Assemble
from drum_web.fastapi_app import FastAPIApp
from drum_web.servers.listening import announce
from drum_web.servers.refusals import refusal
from drum_web.servers.signals import handled
from drum_web.servers.supervisor import serve_in_processes
from drum_web.servers.tls import tls_context
from drum_web.uvicorn_worker import FastAPIWorkerCtx

__all__ = ["run_worker", "serve"]

_logger = logging.getLogger("drum.server")


def serve(settings: ServerSettings, assemble: Assemble) -> int:
    """Serves until SIGTERM or SIGINT, then drains; 0, or 1 when the model cannot load.

    Raises `ServerError` when it cannot listen.
    """
    return serve_in_processes(run_worker, settings, assemble)


def run_worker(settings: ServerSettings, assemble: Assemble, sock: socket.socket) -> int:
    """Serves on `sock` in this process; what `serve` says."""
    worker = FastAPIWorkerCtx(on_fail=lambda error: server.fail(error))
    app = FastAPIApp(lifespan=worker.lifespan)
    server = _Server(_config(app.app, settings), worker)
    with handled(server.handle_exit), tls_context(settings) as context:
        try:
            server.config.load()
            server.config.ssl = context
            assemble(app, worker)
            if settings.workers == 1:
                announce(sock, secure=settings.tls is not None)
            server.run(sockets=[sock])
        except SystemExit:  # uvicorn's way to say that a lifespan failed; it has logged why
            return 1
        finally:
            worker.cleanup()
    return 1 if server.failed else 0


def _config(app: Starlette, settings: ServerSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        workers=1,
        lifespan="on",
        ws="none",
        http=_Protocol,
        interface="asgi3",
        log_config=None,
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
        with anyio.move_on_after(self.config.timeout_graceful_shutdown):
            await anyio.to_thread.run_sync(self._worker.stop, abandon_on_cancel=True)
        await super().shutdown(sockets)
