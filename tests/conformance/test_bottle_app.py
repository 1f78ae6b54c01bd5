"""The suite over a third framework, with nothing but the public API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from drum_core.protocols import Assemble
from drum_core.testing import Client, WebAppConformance, WsgiClient
from drum_core.worker import LocalWorker
from tests.conformance.bottle_app import BottleApp


class TestBottleApp(WebAppConformance):
    """An application that BottleApp made."""

    notices = False
    times_bodies = False

    @contextmanager
    def host(self, assemble: Assemble, /) -> Iterator[Client]:
        """Bottle, called as a WSGI server calls it."""
        host = BottleApp()
        with LocalWorker() as worker:
            assemble(host, worker)
            yield WsgiClient(host.app)
