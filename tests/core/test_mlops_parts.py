"""The parts of chat monitoring that a whole server cannot show: what is re-read or left out."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from functools import partial

import pytest

from drum_core.monitoring.deployment import Deployment
from drum_core.monitoring.reporter import Reporter
from tests.core.mlops_service import await_true


@dataclass
class Content:
    """An answer of the API."""

    content: object

    def json(self) -> object:
        """What it holds."""
        return self.content


@dataclass
class API:
    """An API that answers with what it has, and fails where it has nothing."""

    content: dict[str, object] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def get(self, url: str, /) -> Content:
        """Raises `KeyError`."""
        self.asked.append(url)
        return Content(self.content[url])


def settings(*, enabled: bool) -> dict[str, object]:
    """Of a deployment that takes everything, or nothing."""
    return {name: {"enabled": enabled} for name in ("featureDrift", "predictionsDataCollection")}


def test_settings_are_read_again() -> None:
    """Settings count until they are old, then again those of the service; the model stays."""
    api = API({"deployments/d/settings/": settings(enabled=False)})
    api.content["deployments/d/"] = {"model": {"prompt": "question"}}
    deployment = Deployment("d", api, fresh_seconds=0.2)
    assert not deployment.takes_predictions()
    api.content["deployments/d/settings/"] = settings(enabled=True)
    assert not deployment.takes_predictions()
    assert await_true(deployment.takes_predictions)
    assert deployment.prompt_column() == "question"
    assert api.asked.count("deployments/d/") == 1
    assert api.asked.count("deployments/d/settings/") == 2


def test_settings_outlive_a_failure() -> None:
    """What was read last counts while the service does not answer; it is asked no more often."""
    api = API({"deployments/d/settings/": settings(enabled=False), "deployments/d/": {}})
    deployment = Deployment("d", api, fresh_seconds=0.05)
    assert not deployment.takes_predictions()
    api.content.clear()
    time.sleep(0.06)
    asked = len(api.asked)
    assert [deployment.takes_predictions() for _ in range(3)] == [False] * 3
    assert len(api.asked) == asked + 1


@pytest.mark.parametrize("content", [None, [], {"featureDrift": None}, {"featureDrift": {}}])
def test_settings_that_say_nothing(content: object) -> None:
    """What the settings do not say is enabled."""
    api = API({"deployments/d/settings/": content, "deployments/d/": {"model": None}})
    deployment = Deployment("d", api)
    assert deployment.takes_predictions()
    assert deployment.prompt_column() is None


def test_reports_that_pile_up(caplog: pytest.LogCaptureFixture) -> None:
    """When a thousand wait, others are left out, which is said once, and nobody is held up."""
    begun, gate = threading.Event(), threading.Event()
    made: list[int] = []
    reporter = Reporter()

    def held_up() -> None:
        begun.set()
        assert_opened(gate)

    reporter.submit(held_up)
    assert begun.wait(5)  # so that the queue is empty, and has room for just a thousand
    began = time.monotonic()
    for number in range(1500):
        reporter.submit(partial(made.append, number))
    assert time.monotonic() - began < 4.0  # nobody waited for the gate
    gate.set()
    reporter.close()
    reporter.close()
    assert made == list(range(1000))
    assert caplog.text.count("leaving out others") == 1


def assert_opened(gate: threading.Event) -> None:
    """Waits for the gate."""
    assert gate.wait(5)


def test_report_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A report that fails is logged, and the next one is made."""
    made: list[int] = []

    def fail() -> None:
        raise ValueError("no ink")

    reporter = Reporter()
    reporter.submit(fail)
    reporter.submit(lambda: made.append(1))
    reporter.close()
    assert made == [1]
    assert "no ink" in caplog.text
    with caplog.at_level(logging.WARNING):
        reporter.submit(lambda: made.append(2))
    assert "a report is left out" in caplog.text
