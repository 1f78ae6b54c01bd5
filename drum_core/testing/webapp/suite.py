"""What the parts of the suite share: the host, started once for a class, and its client."""

from __future__ import annotations

import time
import unittest
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import ClassVar

from drum_core.protocols import Assemble
from drum_core.testing.exchange import Answer, Call, Client, OpenAnswer, fetch
from drum_core.testing.suite_routes import assemble_suite

__all__ = ["Suite", "expect", "expect_same", "wait_until"]

PATIENCE_SECONDS = 1.0
"""How long a host may take to notice that a client has left."""


def expect(truth: bool, otherwise: str) -> None:
    """Raises `AssertionError(otherwise)`, also under `python -O`."""
    __tracebackhide__ = True  # pytest then shows the line of the test
    if not truth:
        raise AssertionError(otherwise)


def expect_same(found: object, expected: object, what: str) -> None:
    """Raises `AssertionError` that names `what` and shows both."""
    __tracebackhide__ = True
    expect(found == expected, f"{what}: expected {expected!r}, found {found!r}")


class Suite:
    """A class of tests over one host.

    Plain methods, for pytest to collect from a subclass named `Test…`: there is nothing here to
    import pytest for.
    """

    owned: ClassVar[bool] = True
    """Whether the host answers 404 and 405 in the core's own words. It does in an application
    that drum made; an application it was mounted on keeps its own."""

    streams: ClassVar[bool] = True
    """Whether chunks go out as they are made. False behind what can only send whole answers."""

    notices: ClassVar[bool] = True
    """Whether a handler can ask if its client has left. False where nobody would know."""

    times_bodies: ClassVar[bool] = True
    """Whether a body may still be arriving when the host is called. False where it never is."""

    _client: ClassVar[tuple[Client]]  # in a tuple, for a bare function would become a method
    _stack: ClassVar[ExitStack]

    def host(self, assemble: Assemble, /) -> AbstractContextManager[Client]:
        """A new application that `assemble` has been given, and a client for it, until the end.

        Called once for the class. `assemble` is picklable, and importable by its name, for a
        server that calls it in another process.
        """
        raise NotImplementedError(f"{type(self).__name__} must define host()")

    @classmethod
    def setup_class(cls) -> None:
        """Starts the host."""
        with ExitStack() as stack:
            cls._client = (stack.enter_context(cls().host(assemble_suite)),)
            cls._stack = stack.pop_all()

    @classmethod
    def teardown_class(cls) -> None:
        """Ends the host."""
        cls._stack.close()

    def call(
        self,
        method: str,
        target: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | Sequence[bytes] = b"",
    ) -> Answer:
        """Sends a request and waits for the whole answer."""
        return fetch(self._client[0], Call(method, target, headers, body))

    def open(self, target: str) -> AbstractContextManager[OpenAnswer]:
        """GETs `target`, leaving the body to be read, or not."""
        return self._client[0](Call("GET", target))

    def seen(
        self,
        method: str,
        target: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | Sequence[bytes] = b"",
    ) -> dict[str, object]:
        """What the handler at `target` saw of a request, which must be answered 200."""
        answer = self.call(method, target, headers=headers, body=body)
        expect_same(answer.status, 200, f"the status of {method} {target}")
        return answer.json()

    def is_open(self, gate: str) -> bool:
        """Whether that gate of the suite's routes has been opened, by a test or by a handler."""
        return self.seen("GET", f"/gate/{gate}")["open"] is True

    def skip_unless(self, able: bool, reason: str) -> None:
        """Skips the test that calls it, unless the host is `able`."""
        if not able:
            raise unittest.SkipTest(reason)


def wait_until(true: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether `true` becomes so within `seconds`."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True
