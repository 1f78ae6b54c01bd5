"""The suite over servers, each in a process of its own, over sockets."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import pytest

from drum_core.protocols import Assemble
from drum_core.testing import (
    Call,
    Client,
    HttpClient,
    WebAppConformance,
    fetch,
    live_server,
)

SERVERS = {
    "werkzeug": "drum_web.servers.werkzeug:serve",
    "gunicorn": "drum_web.servers.gunicorn:serve",
    "uvicorn": "drum_web.servers.uvicorn:serve",
}


class LiveConformance(WebAppConformance):
    """The suite, over the server of one name."""

    server: ClassVar[str]

    @contextmanager
    def host(self, assemble: Assemble, /) -> Iterator[Client]:
        """A server on a port of its own, called over sockets."""
        with live_server(SERVERS[self.server]) as live:
            yield HttpClient(live.port)


class TestWerkzeug(LiveConformance):
    """Flask on werkzeug."""

    server = "werkzeug"


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn needs fork")
class TestGunicorn(LiveConformance):
    """Flask on gunicorn."""

    server = "gunicorn"


class TestUvicorn(LiveConformance):
    """FastAPI on uvicorn."""

    server = "uvicorn"


@pytest.mark.parametrize("name", SERVERS)
def test_sigterm_ends_the_server_with_status_0(name: str) -> None:
    """SIGTERM ends a server in good order."""
    with live_server(SERVERS[name]) as live:
        assert fetch(HttpClient(live.port), Call("GET", "/probe")).status == 200
        assert live.terminate() == 0
