"""The suite over FastAPI, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from drum_core.protocols import Assemble
from drum_core.testing import AsgiClient, Client, WebAppConformance
from drum_core.worker import LocalWorker
from drum_web import FastAPIApp


class TestFastAPIApp(WebAppConformance):
    """An application that FastAPIApp made."""

    @contextmanager
    def host(self, assemble: Assemble, /) -> Iterator[Client]:
        """FastAPI, called as an ASGI server calls it."""
        host = FastAPIApp()
        with LocalWorker() as worker:
            assemble(host, worker)
            with AsgiClient(host.app) as client:
                yield client


class TestSomebodysFastAPI(WebAppConformance):
    """An application that was there before, with a route and documentation of its own."""

    owned = False

    @contextmanager
    def host(self, assemble: Assemble, /) -> Iterator[Client]:
        """FastAPI, called as an ASGI server calls it."""
        app = FastAPI()
        app.add_api_route("/theirs", lambda: "theirs")
        with LocalWorker() as worker:
            assemble(FastAPIApp(app), worker)
            with AsgiClient(app) as client:
                yield client
