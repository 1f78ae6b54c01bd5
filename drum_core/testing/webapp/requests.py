"""What a handler sees of a request, which must be the same on every host."""

from __future__ import annotations

from drum_core.messages import Headers
from drum_core.testing.webapp.suite import Suite, expect, expect_same

__all__ = ["RequestTests"]


class RequestTests(Suite):
    """Query, headers, path and method."""

    def test_repeated_query_keys_are_all_kept_in_order(self) -> None:
        """A query key that is repeated keeps all its values, so that the first can win."""
        seen = self.seen("GET", "/echo?a=1&b=2&a=3")
        expect_same(seen["query"], [["a", "1"], ["b", "2"], ["a", "3"]], "the query")

    def test_blank_query_values_are_kept(self) -> None:
        """A query key without a value has the empty value."""
        seen = self.seen("GET", "/echo?empty=&flag&x=y")
        expect_same(seen["query"], [["empty", ""], ["flag", ""], ["x", "y"]], "the query")

    def test_query_is_percent_decoded_as_utf8(self) -> None:
        """Query names and values are decoded as UTF-8, a plus being a space."""
        seen = self.seen("GET", "/echo?caf%C3%A9=%E6%BC%A2&q=a+b%2Bc%26d%3De;f")
        expect_same(seen["query"], [["café", "漢"], ["q", "a b+c&d=e;f"]], "the query")

    def test_query_that_is_not_utf8_is_no_error(self) -> None:
        """A query byte that is not UTF-8 becomes the replacement character."""
        expect_same(self.seen("GET", "/echo?q=a%FFb")["query"], [["q", "a\ufffdb"]], "the query")

    def test_request_headers_have_one_spelling(self) -> None:
        """Request header names reach the handler in Title-Case, however they were sent."""
        sent = [("x-thing", "1"), ("X-OTHER-THING", "2"), ("content-type", "text/csv")]
        headers = self._headers(self.seen("POST", "/echo", headers=sent, body=b"x"))
        names = [name for name, _ in headers.multi_items()]
        for name in ("X-Thing", "X-Other-Thing", "Content-Type", "Content-Length", "Host"):
            expect(name in names, f"expected a header spelt {name}, found {names}")

    def test_repeated_request_headers_are_joined(self) -> None:
        """Request headers of one name are joined by commas, in order."""
        sent = [("X-Thing", "1"), ("x-thing", "2")]
        headers = self._headers(self.seen("GET", "/echo", headers=sent))
        values = [part.strip() for part in headers["X-Thing"].split(",")]
        expect_same((values, len(headers.getlist("X-Thing"))), (["1", "2"], 1), "X-Thing")

    def test_header_with_underscore_is_left_out(self) -> None:
        """A request header spelt with an underscore, which may be forged, reaches nobody."""
        headers = self._headers(self.seen("GET", "/echo", headers=[("X_Thing", "forged")]))
        names = {name.replace("_", "-").lower() for name in headers}
        expect("x-thing" not in names, f"X_Thing was taken over: {headers!r}")

    def test_header_values_are_latin1(self) -> None:
        """Header bytes above ASCII are decoded as Latin-1."""
        headers = self._headers(self.seen("GET", "/echo", headers=[("X-Thing", "caf\xe9")]))
        expect_same(headers["X-Thing"], "caf\xe9", "X-Thing")

    def test_no_content_type_is_made_up_for_a_request(self) -> None:
        """A request without a content type has none."""
        headers = self._headers(self.seen("POST", "/echo", body=b"x"))
        expect("Content-Type" not in headers, f"a content type was made up: {headers!r}")

    def test_path_is_percent_decoded(self) -> None:
        """The path is decoded once, as UTF-8, and has the prefix in it."""
        for prefix in ("", "/second/mount"):
            seen = self.seen("GET", f"{prefix}/rest/caf%C3%A9%20%2541")
            expect_same(seen["path"], f"{prefix}/rest/café %41", "the path")

    def test_path_parameter_takes_slashes(self) -> None:
        """The parameter of a path takes the rest of it: slashes, dots, encoded characters."""
        rests = {"a": "a", "a/b/": "a/b/", "a//b": "a//b", "a%2Fb": "a/b", "%E6%BC%A2.x": "漢.x"}
        for sent, expected in rests.items():
            params = self.seen("GET", f"/rest/{sent}")["path_params"]
            expect_same(params, {"rest": expected}, f"the parameters of /rest/{sent}")

    def test_path_parameter_is_not_empty(self) -> None:
        """The parameter of a path has one character or more, and begins with no slash."""
        for path in ("/rest/", "/rest//", "/rest//b"):
            expect_same(self.call("GET", path).status, 404, f"the status of {path}")

    def test_each_method_is_told(self) -> None:
        """A handler is told the method it was called with."""
        for method in ("GET", "POST", "PUT"):
            expect_same(self.seen(method, "/echo")["method"], method, "the method")

    def test_client_that_waits_has_not_left(self) -> None:
        """While the client waits for its answer, it is not said to have left."""
        for method in ("GET", "POST"):
            expect_same(self.seen(method, "/echo")["disconnected"], False, "disconnected")

    @staticmethod
    def _headers(seen: dict[str, object]) -> Headers:
        pairs = seen["headers"]
        expect(isinstance(pairs, list), f"not a list of headers: {pairs!r}")
        return (
            Headers((name, value) for name, value in pairs)
            if isinstance(pairs, list)
            else Headers()
        )
