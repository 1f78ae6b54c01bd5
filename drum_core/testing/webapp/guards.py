"""Routes that ask for a token: refused before their bodies are read, in whatever spelling."""

from __future__ import annotations

from drum_core.testing.suite_guards import SUITE_TOKEN
from drum_core.testing.webapp.suite import Suite, expect, expect_same

__all__ = ["GuardTests"]

_BEARER = ("Authorization", f"Bearer {SUITE_TOKEN}")


class GuardTests(Suite):
    """What the security of a route asks of its host."""

    def test_guarded_route_takes_no_body_without_a_token(self) -> None:
        """A request that is refused anyway has nothing of its body kept, declared or chunked."""
        for body in (b"x" * 5000, [b"x" * 600] * 5):
            answer = self.call("POST", "/guarded", body=body)
            expect_same(answer.status, 401, "the status without a token")
            expect_same(answer.json()["size"], 0, "how much of the body was kept")

    def test_guarded_route_is_opened_by_a_token(self) -> None:
        """With the token, the route is as any other, and its body arrives."""
        answer = self.call("POST", "/guarded", headers=[_BEARER], body=b"whole")
        expect_same((answer.status, answer.json()["body"]), (200, "whole"), "the answer")

    def test_guarded_probe_is_free(self) -> None:
        """A probe needs no token, whatever the other routes of its table need."""
        expect_same(self.call("GET", "/guarded/probe").status, 200, "the status of the probe")

    def test_guarded_route_is_not_opened_by_its_spelling(self) -> None:
        """Neither a forged Host nor another spelling of the path gets past the token."""
        forged = [("Host", "x/guarded/probe?q=")]
        statuses = {self.call("GET", "/guarded", headers=forged).status}
        paths = ("/guarded;/probe", "/guarded/probe/..", "/guarded%2F", "/%67uarded", "/GUARDED")
        statuses |= {self.call("GET", path).status for path in paths}
        expect(statuses <= {400, 401, 404}, f"opened: {statuses}")

    def test_404_has_the_security_headers(self) -> None:
        """What a browser is told about other answers, it is told about 404 as well."""
        self.skip_unless(self.owned, "the application's own 404 is kept")
        answer = self.call("GET", "/no/such")
        expect_same(answer.headers.get("X-Content-Type-Options"), "nosniff", "of 404")
        expect_same(answer.headers.get("Cache-Control"), "no-store", "Cache-Control of 404")
