"""The proxies whose word is taken for who a client is, and how it came."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable
from typing import Final, TypeAlias

__all__ = ["FORWARDED_HEADERS", "TrustedProxies"]

FORWARDED_HEADERS: Final = frozenset(
    {
        *("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip"),
        *("x-forwarded-port", "x-forwarded-prefix", "x-forwarded-server"),
    }
)
"""What is believed of a listed proxy, and taken away from anybody else."""

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


class TrustedProxies:
    """Addresses and networks, `*` for all.

    `X-Forwarded-For` is read from its end, where the nearest proxy has written, up to the first
    address that is not listed: what stands before it is the client's own word.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        texts = list(networks)
        self._all = "*" in texts
        self._networks = [ipaddress.ip_network(text) for text in texts if text != "*"]
        # Not on the instance's methods, for the cache would keep it alive.
        self._trusts = functools.lru_cache(maxsize=1024)(self._is_listed)

    def __contains__(self, address: object) -> bool:
        return isinstance(address, str) and len(address) < 64 and self._trusts(address)

    def client(self, forwarded: str, peer: str, /) -> str:
        """The address of the client, by the `X-Forwarded-For` that the trusted `peer` sent."""
        client = peer
        for text in reversed(forwarded.split(",")):
            address = _address(text)
            if address is None:
                return client
            client = str(address)
            if client not in self:
                return client
        return client

    @staticmethod
    def scheme(forwarded: str, scheme: str, /) -> str:
        """`http` or `https`, by the `X-Forwarded-Proto` of a trusted proxy; else `scheme`."""
        last = forwarded.rpartition(",")[2].strip().lower()
        return last if last in {"http", "https"} else scheme

    def _is_listed(self, text: str) -> bool:
        address = _address(text)
        if address is None:
            return False
        return self._all or any(
            address in network for network in self._networks if network.version == address.version
        )


def _address(text: str) -> _Address | None:
    """`10.0.0.7`, `10.0.0.7:4711`, `2001:db8::7` or `[2001:db8::7]:4711`."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
