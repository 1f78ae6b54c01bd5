"""The web pages whose scripts may ask a server: cross-origin resource sharing (Fetch, 3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, TypeAlias

from drum_core.messages import Headers, Response

__all__ = ["ALLOW_ORIGIN", "Origins"]

ALLOW_ORIGIN: Final = "Access-Control-Allow-Origin"

_Fields: TypeAlias = list[tuple[str, str]]

_EXPOSED: Final = "X-Request-ID, X-Drum-Version, X-Drum-User-Http-Error, Retry-After, Server-Timing"
_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_MAX_AGE_SECONDS: Final = "600"
_NAMES: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:[ \t]*,[ \t]*[A-Za-z0-9!#$%&'*+.^_`|~-]+)*"
)


class Origins:
    """Origins such as `https://app.example.com`, `*` for all; `credentials` lets cookies come."""

    def __init__(self, origins: Iterable[str], *, credentials: bool = False) -> None:
        self._origins = frozenset(origin.lower() for origin in origins)
        self._all = "*" in self._origins
        self._credentials = credentials
        if self._all and credentials:
            raise ValueError("every origin and credentials together open the server to every page")

    def fields(self, headers: Headers, /) -> _Fields:
        """What an answer to a request with these header fields carries."""
        fields = self._allowing(headers)
        if fields:
            fields.append(("Access-Control-Expose-Headers", _EXPOSED))
        if not self._all:  # caches must not give one page the answer to another
            fields.append(("Vary", "Origin"))
        return fields

    def preflight(self, method: str, headers: Headers, /) -> Response | None:
        """The answer to a browser that asks whether it may ask; `None` for any other request."""
        wanted = headers.get("Access-Control-Request-Method")
        fields = self._allowing(headers)
        if method != "OPTIONS" or wanted is None or not fields:
            return None
        names = headers.get("Access-Control-Request-Headers", "").strip()
        fields += [
            ("Access-Control-Allow-Methods", _METHODS),
            ("Access-Control-Max-Age", _MAX_AGE_SECONDS),
            ("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        ]
        if _NAMES.fullmatch(names):
            fields.append(("Access-Control-Allow-Headers", names))
        return Response(status=204, headers=Headers(fields))

    def _allowing(self, headers: Headers) -> _Fields:
        origin = headers.get("Origin")
        if origin is None or not (self._all or origin.lower() in self._origins):
            return []
        fields = [(ALLOW_ORIGIN, "*" if self._all else origin)]
        if self._credentials:
            fields.append(("Access-Control-Allow-Credentials", "true"))
        return fields
