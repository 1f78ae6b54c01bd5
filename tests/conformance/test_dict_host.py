"""The suite over the host that has no framework."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from drum_core.protocols import Assemble
from drum_core.testing import Client, DictHost, WebAppConformance
from drum_core.worker import LocalWorker


class TestDictHost(WebAppConformance):
    """A dictionary of routes is a host."""

    notices = False
    times_bodies = False

    @contextmanager
    def host(self, assemble: Assemble, /) -> Iterator[Client]:
        """A dictionary of routes, called directly."""
        host = DictHost()
        with LocalWorker() as worker:
            assemble(host, worker)
            yield host
