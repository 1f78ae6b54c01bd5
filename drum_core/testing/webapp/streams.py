"""Bodies that are made while they are sent: in time, in one thread, closed exactly once."""

from __future__ import annotations

import time

from drum_core.testing.exchange import BrokenAnswerError
from drum_core.testing.suite_streams import GATE_SECONDS
from drum_core.testing.webapp.suite import PATIENCE_SECONDS, Suite, expect, expect_same, wait_until

__all__ = ["AsyncTests", "StreamTests"]


class StreamTests(Suite):
    """What a `ByteStream` may rely on."""

    def _closed(self, key: str) -> None:
        """The stream `key` is closed in time, once, having been iterated once."""
        wait_until(lambda: self.seen("GET", f"/record/{key}").get("closed") != 0)
        time.sleep(0.05)  # for a second close to show
        record = self.seen("GET", f"/record/{key}")
        found = record.get("iterated"), record.get("closed")
        expect_same(found, (1, 1), f"times iterated and closed, {PATIENCE_SECONDS:g} s later")

    def test_stream_is_sent_whole_and_closed(self) -> None:
        """All chunks arrive, an empty one ends nothing, and the stream is closed once."""
        answer = self.call("GET", "/stream/counted/whole")
        expect_same((answer.status, answer.body), (200, b"one,two,\x00\xff,end"), "the answer")
        self._closed("whole")

    def test_chunks_are_sent_as_they_are_made(self) -> None:
        """A chunk arrives before the next one is made."""
        self.skip_unless(self.streams, "this host sends whole answers only")
        with self.open("/stream/gated/early") as answer:
            began = time.monotonic()
            first = next(answer.chunks)
            late = time.monotonic() - began
            self.call("POST", "/gate/early")
            rest = b"".join(answer.chunks)
        expect(late < GATE_SECONDS / 2, f"the first chunk was held back for {late:.1f} s")
        expect_same(first + rest, b"first,released", "the body")
        self._closed("early")

    def test_error_in_mid_stream_breaks_the_answer(self) -> None:
        """When a chunk cannot be made, the client sees an answer that is not complete."""
        sent = b""
        try:
            with self.open("/stream/failing/broken") as answer:
                for chunk in answer.chunks:
                    sent += chunk
        except BrokenAnswerError:
            complete = False
        else:
            complete = True
        if self.streams:
            expect_same(sent, b"first,", "what was sent before the error")
        expect(not complete, "the answer looked complete")
        self._closed("broken")

    def test_stream_is_closed_when_the_client_leaves(self) -> None:
        """Within a second of the client's leaving, the stream is closed."""
        self.skip_unless(self.streams, "this host sends whole answers only")
        with self.open("/stream/endless/left") as answer:
            expect(next(answer.chunks) != b"", "no chunk came")
        self._closed("left")

    def test_empty_stream_is_closed(self) -> None:
        """A stream without chunks is an empty body, and is closed."""
        answer = self.call("GET", "/stream/empty/empty")
        expect_same((answer.status, answer.body), (200, b""), "the answer")
        self._closed("empty")

    def test_stream_without_a_first_chunk_is_closed(self) -> None:
        """When the first chunk cannot be made, the answer is broken or 500; it is closed too."""
        try:
            status = self.call("GET", "/stream/stillborn/stillborn").status
        except BrokenAnswerError:
            status = 500
        expect_same(status, 500, "the status")
        self._closed("stillborn")

    def test_stream_that_nobody_reads_is_closed(self) -> None:
        """A client that leaves before the first chunk leaves nothing open."""
        self.skip_unless(self.streams, "this host sends whole answers only")
        with self.open("/stream/endless/unread"):
            pass
        wait_until(lambda: self.seen("GET", "/record/unread").get("closed") != 0)
        time.sleep(0.05)
        expect_same(self.seen("GET", "/record/unread").get("closed"), 1, "times closed")

    def test_stream_keeps_the_context_of_its_handler(self) -> None:
        """A context variable set by the handler is there while the chunks are made."""
        lines = self._where("context")
        expect_same({line.split(" ")[0] for line in lines}, {"context"}, "who was spoken for")

    def test_stream_is_made_in_the_thread_of_its_handler(self) -> None:
        """Handler and chunks run in one thread: what a model keeps in a thread stays there."""
        lines = self._where("thread")
        expect_same({line.split(" ")[1] for line in lines}, {"here"}, "the threads of the chunks")
        expect_same(self.seen("GET", "/record/thread")["threads"], 1, "the number of threads")

    def _where(self, key: str) -> list[str]:
        lines = self.call("GET", f"/stream/where/{key}").body.decode().splitlines()
        expect_same(len(lines), 4, "the number of chunks")
        return lines


class AsyncTests(StreamTests):
    """Routes with two handlers: a host uses either, and the client sees no difference."""

    def test_loop_route_is_answered_either_way(self) -> None:
        """The asynchronous handler answers, or the other one does."""
        answer = self.call("GET", "/async/whole")
        by = {b"by the asynchronous handler", b"by the handler"}
        expect(answer.status == 200 and answer.body in by, f"got {answer.status} {answer.body!r}")

    def test_loop_route_may_decline_a_request(self) -> None:
        """What the asynchronous handler declines, the other one answers."""
        expect_same(self.call("GET", "/async/declined").body, b"by the handler", "the body")

    def test_loop_route_stream_is_sent_whole_and_closed(self) -> None:
        """All chunks arrive, and the stream is closed once."""
        answer = self.call("GET", "/async/counted/async-whole")
        expect_same((answer.status, answer.body), (200, b"one,two,\x00\xff,end"), "the answer")
        self._closed("async-whole")

    def test_loop_route_stream_breaks_on_an_error(self) -> None:
        """When a chunk cannot be made, the client sees an answer that is not complete."""
        try:
            self.call("GET", "/async/failing/async-broken")
        except BrokenAnswerError:
            complete = False
        else:
            complete = True
        expect(not complete, "the answer looked complete")
        self._closed("async-broken")

    def test_loop_route_stream_ends_when_the_client_leaves(self) -> None:
        """It is closed within a second, also while it waits for its next chunk."""
        self.skip_unless(self.streams, "this host sends whole answers only")
        for kind in ("endless", "stuck"):
            with self.open(f"/async/{kind}/async-{kind}") as answer:
                expect(next(answer.chunks) != b"", "no chunk came")
            self._closed(f"async-{kind}")
        ended = self.seen("GET", "/record/async-stuck").get("ended", True)
        expect(ended is True, "the stream was not let to clean up when it was cancelled")

    def test_loop_route_stream_keeps_context_and_task(self) -> None:
        """Handler and chunks run in one thread, or one task, with one context."""
        body = self.call("GET", "/async/where/async-where").body.decode()
        expect_same(body, "async-where here\n" * 4, "the body")
        self._closed("async-where")
        expect_same(self.seen("GET", "/record/async-where")["threads"], 1, "threads or tasks")
