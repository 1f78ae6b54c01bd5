"""Header fields that keep browsers and caches from doing more with an answer than they should."""

from __future__ import annotations

from typing import Final

__all__ = ["SECURITY_HEADERS"]

SECURITY_HEADERS: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)
"""On every answer, unless it says otherwise itself: a prediction may be private, and is never a
page. No `X-XSS-Protection`, which browsers have dropped, and no `Content-Security-Policy`, which
belongs to a page: an extension that has pages knows what they load."""
