"""What `drum server` gives back."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ServerResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerResult:
    """How serving ended, or that it has only been prepared.

    `mounted` says that the routes are now in an application that somebody else serves; otherwise
    a server ran, and has ended with `exit_status`.
    """

    mounted: bool
    exit_status: int = 0
