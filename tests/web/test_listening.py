"""The socket of a server: addresses, and one-line errors."""

from __future__ import annotations

import os
import socket

import pytest

from drum_core.errors import ServerError
from drum_core.options.server import ServerSettings
from drum_web.servers.listening import announce, listen, url_of


def has_ipv6() -> bool:
    """Whether this machine has an IPv6 loopback."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def test_name_is_taken_at_its_ipv4_address() -> None:
    """`localhost` is 127.0.0.1, and port 0 is one that the system chooses."""
    with listen(ServerSettings(host="localhost", port=0)) as sock:
        host, port = sock.getsockname()
        assert host == "127.0.0.1"
        assert port > 0
        assert url_of(sock) == f"http://127.0.0.1:{port}"
        socket.create_connection((host, port), timeout=5).close()


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6_literal() -> None:
    """An IPv6 address is listened on, and written in brackets."""
    with listen(ServerSettings(host="::1", port=0)) as sock:
        assert url_of(sock) == f"http://[::1]:{sock.getsockname()[1]}"


def test_address_is_announced(caplog: pytest.LogCaptureFixture) -> None:
    """The address is told at level info by the logger `drum.server`."""
    caplog.set_level("INFO", logger="drum.server")
    with listen(ServerSettings(host="127.0.0.1", port=0)) as sock:
        announce(sock)
        assert caplog.messages == [f"Listening on {url_of(sock)}"]


def test_port_is_free_again_at_once() -> None:
    """A port whose last server has ended with connections can be bound again."""
    with listen(ServerSettings(host="127.0.0.1", port=0)) as sock:
        address = sock.getsockname()
        with socket.create_connection(address, timeout=5):
            sock.accept()[0].close()
    listen(ServerSettings(host="127.0.0.1", port=address[1])).close()


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("no-such-host.invalid", "the name has no address"),
        ("192.0.2.1", "this machine does not have the address '192.0.2.1'"),
        ("a" * 70, "the name has no address"),
    ],
)
def test_address_that_cannot_be(host: str, said: str) -> None:
    """What is wrong with an address is said in one line, with what to do."""
    with pytest.raises(ServerError, match=said) as caught:
        listen(ServerSettings(host=host, port=0))
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.getuid() == 0, reason="the administrator may use any port")
def test_port_of_the_administrator() -> None:
    """A port below 1024 that is not allowed says so."""
    with pytest.raises(ServerError, match="permission denied"):
        listen(ServerSettings(host="127.0.0.1", port=80))


def test_port_in_use() -> None:
    """Two servers cannot have one port."""
    with listen(ServerSettings(host="127.0.0.1", port=0)) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(ServerError, match=f"127.0.0.1:{port}: the port is in use"):
            listen(ServerSettings(host="127.0.0.1", port=port))
