"""Those who are told of every request when it begins and when it has ended, streams included."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from drum_core.messages import Request, RoutePolicy
from drum_core.protocols import WorkerContext
from drum_core.scoreboard import CardState
from drum_core.serving.lifecycle import State
from drum_core.serving.request_id import current_request_id
from drum_core.worker import Worker, card_of

__all__ = ["Ended", "Journal", "Watch", "watch_all"]

_logger = logging.getLogger(__name__)

Ended: TypeAlias = Callable[[int], None]
"""Called once with the status of an answer, when its last byte is made or its stream closed."""

Watch: TypeAlias = "Callable[[str, RoutePolicy, Request], Ended]"
"""Called with the name and the policy of a route when a request to it begins, in its context."""


def watch_all(watches: Sequence[Watch], name: str, policy: RoutePolicy, request: Request) -> Ended:
    """Tells all of them; one that fails is logged, and never fails a request."""
    ends = [_begun(watch, name, policy, request) for watch in watches]

    def ended(status: int) -> None:
        for end in ends:
            try:
                end(status)
            except Exception:
                _logger.exception("what watches requests failed")

    return ended


def _begun(watch: Watch, name: str, policy: RoutePolicy, request: Request) -> Ended:
    try:
        return watch(name, policy, request)
    except Exception:
        _logger.exception("what watches requests failed")
        return _nothing


@dataclass(frozen=True, slots=True)
class Journal:
    """Writes every request but probes on the worker's card; has a worker replaced that is old.

    `max_requests` is how many requests it answers before, 0 for any number.
    """

    worker: WorkerContext
    max_requests: int = 0

    @classmethod
    def of(cls, worker: WorkerContext, max_requests: int, jitter: int) -> Journal:
        """With up to `jitter` more requests, by chance."""
        return cls(worker, max_requests and max_requests + random.randint(0, jitter))

    def watch(self, _name: str, policy: RoutePolicy, _request: Request) -> Ended:
        """A `Watch`."""
        card = card_of(self.worker)
        if card is None or policy is RoutePolicy.PROBE:
            return _nothing
        card.began(current_request_id.get())

        def ended(_status: int) -> None:
            card.ended()
            old = self.max_requests and card.answered >= self.max_requests
            if old and isinstance(self.worker, Worker) and self.worker.replacement() is None:
                self.worker.ask_replacement(f"it has answered {card.answered} requests")

        return ended

    def turned(self, state: State) -> None:
        """Writes the state of the model on the card."""
        card = card_of(self.worker)
        if card is not None:
            card.turn(_CARD_STATES[state])

    def outlived(self, count: int, limit: int) -> None:
        """Writes how many jobs outlive their time, and how many are too many."""
        card = card_of(self.worker)
        if card is not None:
            card.overdue(count, limit)

    def paused(self, paused: bool) -> None:
        """Writes whether the process of the model is away."""
        card = card_of(self.worker)
        if card is not None:
            card.pause(paused)


_CARD_STATES = {
    State.LOADING: CardState.LOADING,
    State.READY: CardState.READY,
    State.FAILED: CardState.FAILED,
    State.DRAINING: CardState.DRAINING,
}


def _nothing(_status: int) -> None:
    """For what is not written down."""
