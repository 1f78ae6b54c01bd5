"""Who runs where: handlers off the event loop, probes past whatever is running."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress

from drum_core.testing.exchange import BrokenAnswerError, Call
from drum_core.testing.suite_streams import GATE_SECONDS
from drum_core.testing.webapp.suite import PATIENCE_SECONDS, Suite, expect, expect_same, wait_until

__all__ = ["ThreadTests"]


class ThreadTests(Suite):
    """A handler may block; a probe does not wait for it."""

    @contextmanager
    def _blocked(self, gate: str) -> Iterator[Future[dict[str, object]]]:
        """While the block runs, a handler is blocked; it is released at the end."""
        with ThreadPoolExecutor(1) as pool:
            blocked = pool.submit(self.seen, "GET", f"/blocking/{gate}")
            try:
                up = wait_until(lambda: self.is_open(f"began/{gate}"), seconds=5)
                expect(up, "the request that is to block never reached its handler")
                yield blocked
            finally:
                self.call("POST", f"/gate/{gate}")

    def test_handlers_run_off_the_event_loop(self) -> None:
        """A handler that may block is not run on an event loop."""
        for target in ("/echo", "/second/mount/echo"):
            expect_same(self.seen("GET", target)["on_event_loop"], False, "on an event loop")

    def test_handler_can_ask_whether_its_client_has_left(self) -> None:
        """Within a second of the client's leaving, a handler that asks is told."""
        self.skip_unless(self.notices, "this host cannot know")
        with suppress(BrokenAnswerError), self._client[0](Call("GET", "/waiting/w", patience=0.5)):
            pass
        expect(self.is_open("began/w"), "no handler was called")
        expect(wait_until(lambda: self.is_open("left/w")), "the handler was not told")

    def test_probe_does_not_wait_for_a_prediction(self) -> None:
        """A probe is answered while a prediction runs."""
        with self._blocked("probed") as blocked:
            began = time.monotonic()
            self.seen("GET", "/probe")
            took = time.monotonic() - began
            expect(not blocked.done(), "the prediction did not run on meanwhile")
        expect(took < PATIENCE_SECONDS, f"the probe took {took:.1f} s")
        expect_same(blocked.result(GATE_SECONDS)["released"], True, "the prediction was released")

    def test_probe_does_not_wait_for_a_stream(self) -> None:
        """A probe is answered while a stream is open and waits for its next chunk."""
        self.skip_unless(self.streams, "this host sends whole answers only")
        with self.open("/stream/gated/probe") as answer:
            next(answer.chunks)
            began = time.monotonic()
            self.seen("GET", "/probe")
            took = time.monotonic() - began
            self.call("POST", "/gate/probe")
            expect_same(b"".join(answer.chunks), b"released", "the rest of the stream")
        expect(took < PATIENCE_SECONDS, f"the probe took {took:.1f} s")
