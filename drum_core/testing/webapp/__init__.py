"""The suite that says what a `WebApp` is: subclass it, say how to host, and run pytest."""

from __future__ import annotations

from drum_core.testing.webapp.answers import AnswerTests
from drum_core.testing.webapp.bodies import BodyTests
from drum_core.testing.webapp.guards import GuardTests
from drum_core.testing.webapp.mounts import MountTests
from drum_core.testing.webapp.requests import RequestTests
from drum_core.testing.webapp.streams import AsyncTests
from drum_core.testing.webapp.threads import ThreadTests

__all__ = ["WebAppConformance"]


class WebAppConformance(
    MountTests, RequestTests, BodyTests, AnswerTests, GuardTests, AsyncTests, ThreadTests
):
    """Every behaviour that the core relies on in a host, one test each.

    A subclass defines `host`, and says with `owned` and `streams` what its host cannot do; the
    tests of that are skipped with the reason. All is asked over HTTP, so that the host may be a
    server in another process.

        class TestMyApp(WebAppConformance):
            @contextmanager
            def host(self, assemble: Assemble, /) -> Iterator[Client]:
                app = my_framework.App()
                assemble(MyApp(app), LocalWorker())
                yield WsgiClient(app)
    """
