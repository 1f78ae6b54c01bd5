"""The suite over Flask, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from drum_core.protocols import Assemble
from drum_core.testing import Client, WebAppConformance, WsgiClient
from drum_core.worker import LocalWorker
from drum_web import FlaskApp


class TestFlaskApp(WebAppConformance):
    """An application that FlaskApp made."""

    notices = False
    times_bodies = False

    @contextmanager
    def host(self, assemble: Assemble, /) -> Iterator[Client]:
        """Flask, called as a WSGI server calls it."""
        host = FlaskApp()
        with LocalWorker() as worker:
            assemble(host, worker)
            yield WsgiClient(host.app)


class TestSomebodysFlask(WebAppConformance):
    """An application that was there before, with a route and static files of its own."""

    owned = False
    notices = False
    times_bodies = False

    @contextmanager
    def host(self, assemble: Assemble, /) -> Iterator[Client]:
        """Flask, called as a WSGI server calls it."""
        app = Flask("somebodys")
        app.add_url_rule("/theirs", view_func=lambda: "theirs", endpoint="theirs")
        with LocalWorker() as worker:
            assemble(FlaskApp(app), worker)
            yield WsgiClient(app)
