"""The body of a request: byte-exact, counted, and over the limit when it is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress

from drum_core.body import SPOOL_BYTES
from drum_core.testing.exchange import BrokenAnswerError, Call, fetch
from drum_core.testing.suite_routes import BODY_LIMIT
from drum_core.testing.webapp.suite import Suite, expect, expect_same

__all__ = ["BodyTests"]

_FORM = ("Content-Type", "application/x-www-form-urlencoded")
_MULTIPART = ("Content-Type", "multipart/form-data; boundary=b")


class BodyTests(Suite):
    """Empty, binary, form, chunked, large and too large bodies."""

    def _arrives(self, body: bytes | Sequence[bytes], *headers: tuple[str, str]) -> None:
        seen = self.seen("POST", "/echo", headers=headers, body=body)
        whole = body if isinstance(body, bytes) else b"".join(body)
        found = seen["size"], seen["sha256"], seen["refusal"]
        expect_same(found, (len(whole), hashlib.sha256(whole).hexdigest(), None), "the body")

    def test_empty_body(self) -> None:
        """An empty body is empty, whether its length is declared or it comes in no chunks."""
        self._arrives(b"")
        self._arrives([])
        expect_same(self.seen("GET", "/echo")["size"], 0, "the size of the body of a GET")

    def test_binary_body_is_byte_exact(self) -> None:
        """Every byte of a body arrives as it was sent."""
        self._arrives(bytes(range(256)) * 40, ("Content-Type", "application/octet-stream"))

    def test_chunked_body_is_joined(self) -> None:
        """A body sent in chunks, without a length, arrives whole."""
        self._arrives([b"first,", b"\x00\r\n0\r\n\r\n", b"x" * 70_000, b"last"])

    def test_form_is_left_alone(self) -> None:
        """A form arrives as raw bytes: the core parses it, once, for every host."""
        self._arrives(b"a=1&b=%20", _FORM)
        part = (
            b'--b\r\nContent-Disposition: form-data; name="X"; filename="x.csv"\r\n\r\na\r\n--b--'
        )
        self._arrives(part, _MULTIPART)

    def test_large_body_arrives_whole(self) -> None:
        """A body that does not stay in memory arrives whole."""
        self._arrives(b"0123456789abcdef" * (SPOOL_BYTES // 16) + b"and more")

    def test_body_at_the_limit_is_taken(self) -> None:
        """A body of exactly the limit is within it, declared or chunked."""
        for body in (b"x" * BODY_LIMIT, [b"x" * (BODY_LIMIT - 1), b"x"]):
            seen = self.seen("POST", "/limited", body=body)
            expect_same((seen["size"], seen["refusal"]), (BODY_LIMIT, None), "size, refusal")

    def test_declared_length_over_the_limit_reaches_the_handler(self) -> None:
        """A body declared longer than the limit is not kept, and the handler is told."""
        self._overflows(b"x" * (BODY_LIMIT + 1))

    def test_chunked_body_over_the_limit_reaches_the_handler(self) -> None:
        """A body that grows over the limit while it arrives is cut, and the handler is told."""
        self._overflows([b"x" * 600] * 20)

    def test_body_that_stands_still_is_given_up(self) -> None:
        """A body that does not go on is waited for no longer than its route says."""
        self.skip_unless(self.times_bodies, "the body is there when this host is called")
        stalled = Call("POST", "/timed", [("Content-Length", "10")], b"half", stalls=True)
        seen = fetch(self._client[0], stalled).json()
        expect_same(seen["refusal"], "SlowBodyError", "why it was refused")

    def test_cut_body_reaches_no_handler(self) -> None:
        """A body that ends before its declared length is never handed over as if it were whole."""
        status = 400
        with suppress(BrokenAnswerError):
            cut = [("Content-Length", "10")]
            status = self.call("POST", "/gate/cut", headers=cut, body=b"half").status
        expect_same(status, 400, "the status")
        expect(not self.is_open("cut"), "the handler was called")

    def _overflows(self, body: bytes | Sequence[bytes]) -> None:
        seen = self.seen("POST", "/limited", body=body)
        expect_same(seen["refusal"], "BodyTooLargeError", "why it was refused")
        size = seen["size"]
        expect(isinstance(size, int) and size <= BODY_LIMIT, f"{size} bytes were kept")
