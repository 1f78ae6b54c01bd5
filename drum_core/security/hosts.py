"""The names under which a server may be asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from drum_core.errors import MalformedRequestError, RequestError
from drum_core.messages import Headers
from drum_core.security.errors import MisdirectedError

__all__ = ["TrustedHosts"]

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?")


class TrustedHosts:
    """Names and addresses; `*.example.com` is every name below `example.com`."""

    def __init__(self, names: Iterable[str]) -> None:
        known = [name.lower() for name in names]
        self._exact = frozenset(name for name in known if not name.startswith("*."))
        self._below = tuple(name[1:] for name in known if name.startswith("*."))

    def refusal(self, headers: Headers, /) -> RequestError | None:
        """Why a request with these header fields is not answered; `None` when it is."""
        sent = headers.get("Host", "")
        match = _HOST.fullmatch(sent.lower())
        if match is None:
            return MalformedRequestError("The request names no host, or not one as HTTP wants it.")
        name = match[1].removesuffix(".")
        if name in self._exact or (self._below and name.endswith(self._below)):
            return None
        return MisdirectedError(sent)
