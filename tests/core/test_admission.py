"""Which requests run the model, wait for it, or are refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from drum_core.messages import Request, Response, RoutePolicy
from drum_core.serving.admission import Admission, AdmissionLimits
from drum_core.serving.answers import bytes_response
from drum_core.serving.dispatch import Dispatcher
from drum_core.serving.endpoint import Endpoint
from drum_core.serving.job_runner import JobRunner


class Gate:
    """A model that answers when it is let, and tells how often it ran."""

    def __init__(self, *, waiting: int) -> None:
        self.opened = threading.Event()
        self.ran = 0
        self.answers: list[Response] = []
        dispatcher = Dispatcher(runner=JobRunner(Admission(AdmissionLimits(waiting=waiting))))
        endpoint = Endpoint(
            name="gate",
            paths=("/gate",),
            answer=self._answer,
            policy=RoutePolicy.PREDICT,
            method="POST",
        )
        self._route = dispatcher.routes([endpoint])[0]

    def _answer(self, request: Request) -> Response:
        self.ran += 1
        assert self.opened.wait(10)
        return bytes_response(b"done", "text/plain")

    def ask(self, disconnected: Callable[[], bool] = lambda: False) -> Response:
        """Its answer to one request; kept, too."""
        request = Request(method="POST", path="/gate", disconnected=disconnected)
        answer = self._route.handler(request)
        self.answers.append(answer)
        return answer

    def ask_in_thread(self, disconnected: Callable[[], bool] = lambda: False) -> threading.Thread:
        """Asks, and returns when the request has had the time to come to the model, or wait."""
        thread = threading.Thread(target=self.ask, args=(disconnected,))
        thread.start()
        time.sleep(0.1)
        return thread


def test_more_than_may_wait_are_refused() -> None:
    """One runs, as many wait as may; the next is 503 at once, and says when to come again."""
    gate = Gate(waiting=1)
    threads = [gate.ask_in_thread() for _ in range(2)]
    refused = gate.ask()
    assert (refused.status, refused.headers["Retry-After"]) == (503, "2")
    gate.opened.set()
    for thread in threads:
        thread.join(10)
    assert [answer.status for answer in gate.answers] == [503, 200, 200]


def test_place_in_the_queue_is_given_back() -> None:
    """A request that has waited leaves its place to another."""
    gate = Gate(waiting=1)
    for _ in range(3):
        gate.opened.clear()
        threads = [gate.ask_in_thread() for _ in range(2)]
        gate.opened.set()
        for thread in threads:
            thread.join(10)
    assert [answer.status for answer in gate.answers] == [200] * 6


def test_client_that_left_while_it_waited_is_not_answered() -> None:
    """The model does not run for a client that has gone, and its slot is free for the next."""
    gate = Gate(waiting=1)
    left = threading.Event()
    threads = [gate.ask_in_thread(), gate.ask_in_thread(left.is_set)]
    left.set()
    gate.opened.set()
    for thread in threads:
        thread.join(10)
    assert sorted(answer.status for answer in gate.answers) == [200, 499]
    assert gate.ran == 1
    assert gate.ask().status == 200
