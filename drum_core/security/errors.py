"""Requests that are refused before anything is done for them."""

from __future__ import annotations

from drum_core.errors import RequestError

__all__ = ["MisdirectedError", "UnauthorizedError"]


class UnauthorizedError(RequestError):
    """Raised for a request without a token, or with one that is not taken.

    `challenge` is the value of `WWW-Authenticate` (RFC 6750, section 3).
    """

    def __init__(self, *, presented: bool) -> None:
        self.challenge: str = 'Bearer realm="drum"' + (
            ', error="invalid_token"' if presented else ""
        )
        super().__init__(
            "The token is not one that this server takes. Ask its operator for a valid one."
            if presented
            else "This server wants a token: send it in the header 'Authorization: Bearer TOKEN'."
        )


class MisdirectedError(RequestError):
    """Raised for a request to a host that the server does not answer for."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"This server does not answer for the host {host!r}; --trusted-hosts lists those it "
            "answers for."
        )
