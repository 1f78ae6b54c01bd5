"""What a client sees of a response: what the handler said, and nothing that it did not say."""

from __future__ import annotations

from drum_core.testing.webapp.suite import Suite, expect, expect_same

__all__ = ["AnswerTests"]


class AnswerTests(Suite):
    """Status, headers, HEAD and OPTIONS."""

    def test_no_content_type_is_made_up(self) -> None:
        """A response without a content type is sent without one."""
        answer = self.call("GET", "/untyped")
        expect_same(answer.headers.get("Content-Type"), None, "the content type")
        expect_same((answer.status, answer.body), (200, b"bytes"), "the answer")

    def test_content_type_is_kept_as_it_is(self) -> None:
        """A content type is sent as the handler gave it: no charset is added."""
        found = self.call("GET", "/echo").headers.getlist("Content-Type")
        expect_same(found, ["application/json"], "the content type")

    def test_stream_content_type_is_kept_as_it_is(self) -> None:
        """A text type of a stream gets no charset either."""
        found = self.call("GET", "/stream/counted/type").headers.getlist("Content-Type")
        expect_same(found, ["text/event-stream"], "the content type")

    def test_length_is_sent_once(self) -> None:
        """The length is the body's, said once."""
        answer = self.call("GET", "/echo")
        lengths = answer.headers.getlist("Content-Length")
        expect_same(lengths, [str(len(answer.body))], "the content length")

    def test_repeated_response_headers_are_all_sent(self) -> None:
        """Response headers of one name are sent each on its own, in order."""
        found = self.call("GET", "/cookies").headers.getlist("Set-Cookie")
        expect_same(found, ["a=1; Path=/", "b=2; Path=/"], "Set-Cookie")

    def test_underscore_in_a_response_header_is_kept(self) -> None:
        """A header spelt with an underscore, as `X_Request_ID`, is sent so, beside its twin."""
        headers = self.call("GET", "/cookies").headers
        found = headers.getlist("X_Under_Score"), headers.getlist("X-Under-Score")
        expect_same(found, (["1"], ["2"]), "X_Under_Score and X-Under-Score")

    def test_unusual_statuses_are_kept(self) -> None:
        """Statuses without a well-known phrase are sent as they are."""
        for status in (201, 418, 422, 499, 503, 513):
            answer = self.call("GET", f"/status/{status}")
            expect_same((answer.status, answer.json()), (status, {"status": status}), "the answer")

    def test_statuses_without_a_body_have_none(self) -> None:
        """204 and 304 are sent without a body and without a content type."""
        for status in (204, 304):
            answer = self.call("GET", f"/status/{status}")
            expect_same((answer.status, answer.body), (status, b""), "the answer")
            expect_same(answer.headers.get("Content-Type"), None, f"the content type of {status}")
            expect_same(answer.headers.get("ETag"), '"x"', f"the ETag of {status}")

    def test_head_is_answered_by_the_route(self) -> None:
        """HEAD has the headers of GET, the length included, and no body."""
        got, head = self.call("GET", "/head"), self.call("HEAD", "/head")
        expect_same((got.status, got.body), (200, b"hello"), "GET")
        expect_same((head.status, head.body), (200, b""), "HEAD")
        for name in ("Content-Type", "Content-Length", "X-Kept"):
            expect_same(head.headers.getlist(name), got.headers.getlist(name), f"{name} of HEAD")

    def test_head_is_not_added(self) -> None:
        """A path that does not take HEAD refuses it."""
        expect_same(self.call("HEAD", "/echo").status, 405, "the status of HEAD")

    def test_options_is_answered_by_the_route(self) -> None:
        """OPTIONS is answered as the route says."""
        answer = self.call("OPTIONS", "/options")
        expect_same(answer.status, 200, "the status of OPTIONS")
        expect_same(answer.headers.get("X-Said-By"), "the route", "X-Said-By")
        expect_same(answer.headers.getlist("Allow"), ["GET, OPTIONS"], "Allow")

    def test_options_is_not_added(self) -> None:
        """A path that does not take OPTIONS refuses it."""
        expect_same(self.call("OPTIONS", "/echo").status, 405, "the status of OPTIONS")

    def test_nobody_redirects(self) -> None:
        """With and without a slash are two paths: the one that is no route is 404."""
        for path in ("/echo/", "/slashed", "/second/mount/echo/", "/second//mount/echo"):
            expect_same(self.call("GET", path).status, 404, f"the status of {path}")
        # werkzeug takes slashes in front away, its server and its router alike
        expect(self.call("GET", "//echo").status in {200, 404}, "//echo is neither 200 nor 404")
        expect_same(self.call("GET", "/slashed/").status, 200, "the status of /slashed/")

    def test_unknown_path_is_404(self) -> None:
        """Where no route is, the answer is 404, for every method."""
        for method in ("GET", "POST", "OPTIONS", "DELETE"):
            expect_same(self.call(method, "/no/such").status, 404, f"the status of {method}")

    def test_wrong_method_is_405(self) -> None:
        """A method that the path does not take is 405, and `Allow` tells those it takes."""
        answer = self.call("DELETE", "/echo")
        expect_same(answer.status, 405, "the status")
        allow = answer.headers.get("Allow", "")
        methods = sorted(method.strip() for method in allow.split(","))
        expect_same(methods, ["GET", "POST", "PUT"], "Allow")

    def test_404_and_405_are_in_the_envelope(self) -> None:
        """404 and 405 are a JSON message with the request id, as every error is."""
        self.skip_unless(self.owned, "the application's own 404 and 405 are kept")
        for method, path in (("GET", "/no/such"), ("DELETE", "/echo")):
            answer = self.call(method, path, headers=[("X-Request-ID", "r-1")])
            expect_same(answer.headers.get("Content-Type"), "application/json", "the type")
            content = answer.json()
            expect(str(content.get("message", "")).startswith("ERROR: "), f"no message: {content}")
            expect_same(content.get("request_id"), "r-1", "the request id in the body")
            expect_same(answer.headers.get("X-Request-ID"), "r-1", "the request id")
            expect("X-Drum-Version" in answer.headers, f"no version: {answer.headers!r}")

    def test_head_of_an_unknown_path_has_no_body(self) -> None:
        """HEAD of what is not there has the headers of 404, and no body."""
        self.skip_unless(self.owned, "the application's own 404 is kept")
        answer = self.call("HEAD", "/no/such")
        expect_same((answer.status, answer.body), (404, b""), "HEAD")
        expect_same(answer.headers.get("Content-Type"), "application/json", "the type")
