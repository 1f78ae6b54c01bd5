"""Hosts, proxies and origins, each on its own."""

from __future__ import annotations

import pytest

from drum_core.errors import MalformedRequestError
from drum_core.messages import Headers
from drum_core.security.errors import MisdirectedError
from drum_core.security.hosts import TrustedHosts
from drum_core.security.origins import Origins
from drum_core.security.proxies import TrustedProxies

HOSTS = TrustedHosts(["Model.example.com", "*.internal", "10.0.0.7", "[::1]"])


@pytest.mark.parametrize(
    "host",
    [
        *("model.example.com", "MODEL.example.com:8443", "model.example.com.", "a.b.internal"),
        *("10.0.0.7:80", "[::1]:8080", "[::1]"),
    ],
)
def test_listed_hosts(host: str) -> None:
    """With and without a port, in any case."""
    assert HOSTS.refusal(Headers([("Host", host)])) is None


@pytest.mark.parametrize(
    ("host", "error"),
    [
        ("evil.com", MisdirectedError),
        ("model.example.com.evil.com", MisdirectedError),
        ("internal", MisdirectedError),
        ("evilinternal", MisdirectedError),
        ("x/ping?q=", MalformedRequestError),
        ("model.example.com/ping", MalformedRequestError),
        ("model.example.com, evil.com", MalformedRequestError),
        ("model.example.com@evil.com", MalformedRequestError),
        ("model.example.com:80:80", MalformedRequestError),
        ("", MalformedRequestError),
    ],
)
def test_other_hosts(host: str, error: type[Exception]) -> None:
    """Names that are not listed, and texts that are no name."""
    assert type(HOSTS.refusal(Headers([("Host", host)]))) is error


def test_client_is_the_nearest_that_is_not_listed() -> None:
    """What stands before it in the header is the client's own word."""
    proxies = TrustedProxies(["10.0.0.0/8", "2001:db8::/32"])
    assert "10.1.2.3" in proxies
    assert "::ffff:10.1.2.3" in proxies
    assert "11.0.0.1" not in proxies
    assert "" not in proxies
    peer = "10.0.0.1"
    assert proxies.client("1.1.1.1, 203.0.113.9", peer) == "203.0.113.9"
    assert proxies.client("1.1.1.1, 203.0.113.9, 10.0.0.2", peer) == "203.0.113.9"
    assert proxies.client("203.0.113.9:4711", peer) == "203.0.113.9"
    assert proxies.client("[2001:db9::7]:4711", peer) == "2001:db9::7"
    assert proxies.client("203.0.113.9, nonsense", peer) == peer
    assert proxies.client("10.0.0.3", peer) == "10.0.0.3"
    assert TrustedProxies(["*"]).client("1.1.1.1, 203.0.113.9", "9.9.9.9") == "1.1.1.1"


def test_scheme_of_a_proxy() -> None:
    """The last word counts, and only the two schemes do."""
    assert TrustedProxies.scheme("https", "http") == "https"
    assert TrustedProxies.scheme("http, HTTPS", "http") == "https"
    assert TrustedProxies.scheme("javascript", "http") == "http"
    assert TrustedProxies.scheme("", "https") == "https"


def test_all_origins_and_credentials_exclude_each_other() -> None:
    """Else any page could use the server with its visitors' cookies."""
    with pytest.raises(ValueError, match="every page"):
        Origins(["*"], credentials=True)


def test_origins_with_credentials() -> None:
    """The page is named, never mirrored when it is not listed."""
    origins = Origins(["https://a.example"], credentials=True)
    fields = dict(origins.fields(Headers([("Origin", "https://a.example")])))
    assert fields["Access-Control-Allow-Origin"] == "https://a.example"
    assert fields["Access-Control-Allow-Credentials"] == "true"
    for other in ("https://b.example", "null", "https://a.example.evil", "http://a.example"):
        assert origins.fields(Headers([("Origin", other)])) == [("Vary", "Origin")]


def test_every_origin() -> None:
    """A star for all pages, and no Vary, since all get the same."""
    fields = Origins(["*"]).fields(Headers([("Origin", "https://a.example")]))
    assert ("Access-Control-Allow-Origin", "*") in fields
    assert "Vary" not in dict(fields)


def test_preflight_does_not_mirror_what_is_no_name() -> None:
    """Names of headers are given back, anything else is not."""
    origins = Origins(["*"])
    asked = [("Origin", "https://a.example"), ("Access-Control-Request-Method", "POST")]
    odd = ("Access-Control-Request-Headers", "x\r\nSet-Cookie: a=b")
    answer = origins.preflight("OPTIONS", Headers([*asked, odd]))
    assert answer is not None
    assert "Access-Control-Allow-Headers" not in answer.headers
    assert origins.preflight("OPTIONS", Headers(asked[:1])) is None
    assert origins.preflight("GET", Headers(asked)) is None
