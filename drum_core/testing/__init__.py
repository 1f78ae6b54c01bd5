"""The suites that any `WebApp` and any `WorkerContext` can be put through, and their clients.

Needs no web framework, and of test runners nothing but that it collects `test_…` methods.
"""

from __future__ import annotations

from drum_core.testing.asgi import AsgiApp, AsgiClient
from drum_core.testing.dict_host import DictHost
from drum_core.testing.exchange import Answer, BrokenAnswerError, Call, Client, OpenAnswer, fetch
from drum_core.testing.http import HttpClient
from drum_core.testing.live import LiveServer, live_server
from drum_core.testing.suite_routes import assemble_suite
from drum_core.testing.webapp import WebAppConformance
from drum_core.testing.worker import DrivenWorker, WorkerContextConformance
from drum_core.testing.wsgi import WsgiClient

__all__ = [
    "Answer",
    "AsgiApp",
    "AsgiClient",
    "BrokenAnswerError",
    "Call",
    "Client",
    "DictHost",
    "DrivenWorker",
    "HttpClient",
    "LiveServer",
    "OpenAnswer",
    "WebAppConformance",
    "WorkerContextConformance",
    "WsgiClient",
    "assemble_suite",
    "fetch",
    "live_server",
]
