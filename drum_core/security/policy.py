"""`Security`: all that an operator has said about who may ask, in one object."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drum_core.errors import RequestError
from drum_core.messages import Headers, Request, Response, RoutePolicy
from drum_core.security.hosts import TrustedHosts
from drum_core.security.origins import ALLOW_ORIGIN, Origins
from drum_core.security.proxies import TrustedProxies
from drum_core.security.tokens import Tokens

if TYPE_CHECKING:
    from drum_core.options.security import SecurityOptions

__all__ = ["Security"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """What a request must satisfy, and what its answer carries; `None` is no rule.

    Applies to routes by their `RoutePolicy`, never by their path. An application of DRUM's own
    holds everything else it answers to it, too: extensions, and paths where nothing is.
    `hsts` is in seconds; 0 is no `Strict-Transport-Security` (RFC 6797).
    """

    tokens: Tokens | None = None
    hosts: TrustedHosts | None = None
    origins: Origins | None = None
    proxies: TrustedProxies | None = None
    open_extensions: bool = False
    hsts: int = 0

    @classmethod
    def of(
        cls,
        options: SecurityOptions,
        *,
        on_tokens: Callable[[Iterable[str]], object] = lambda values: None,
    ) -> Security:
        """What the options say; `on_tokens` is told the tokens, at once and when they change."""
        values, file = options.server_tokens(), options.server_token_file
        origins = options.cors_origins
        return cls(
            tokens=Tokens(values, file=file, on_read=on_tokens) if values or file else None,
            hosts=TrustedHosts(options.trusted_hosts) if options.trusted_hosts else None,
            origins=Origins(origins, credentials=options.cors_credentials) if origins else None,
            proxies=TrustedProxies(options.trusted_proxies) if options.trusted_proxies else None,
            open_extensions=options.open_extensions,
            hsts=options.hsts_max_age,
        )

    def refusal(self, policy: RoutePolicy, headers: Headers, /) -> RequestError | None:
        """Why a request to a route is not answered. Probes are free: who runs them has no token,
        and asks for an address."""
        if policy is RoutePolicy.PROBE:
            return None
        return self._host_refusal(headers) or self._token_refusal(headers)

    def refusal_elsewhere(self, headers: Headers, /) -> RequestError | None:
        """Why a request to what is no route, such as an extension's, is not answered."""
        refused = self._host_refusal(headers)
        return refused or (None if self.open_extensions else self._token_refusal(headers))

    def preflight(self, method: str, headers: Headers, /) -> Response | None:
        """The answer to a preflight of an allowed page; `None` for any other request."""
        if self.origins is None or method != "OPTIONS" or self._host_refusal(headers):
            return None
        return self.origins.preflight(method, headers)

    def completed(self, answer: Headers, received: Headers, /) -> Headers:
        """The fields of an answer, with those that let a page read it."""
        if self.origins is None or ALLOW_ORIGIN in answer:
            return answer
        fields = self.origins.fields(received)
        if any("origin" in value.lower() for value in answer.getlist("Vary")):
            fields = [item for item in fields if item[0] != "Vary"]
        return Headers([*answer.multi_items(), *fields]) if fields else answer

    def without_token(self, request: Request, /) -> Request:
        """The request as a model may see it: the token of a server is none of its business."""
        if self.tokens is None or "Authorization" not in request.headers:
            return request
        pairs = request.headers.multi_items()
        kept = Headers(pair for pair in pairs if pair[0].lower() != "authorization")
        return dataclasses.replace(request, headers=kept)

    def _host_refusal(self, headers: Headers) -> RequestError | None:
        return None if self.hosts is None else self.hosts.refusal(headers)

    def _token_refusal(self, headers: Headers) -> RequestError | None:
        return None if self.tokens is None else self.tokens.refusal(headers)
