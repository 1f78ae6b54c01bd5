"""TLS while a server runs."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from drum_core.options.server import ServerSettings
from drum_core.security.tls import Certificates

__all__ = ["tls_context"]


@contextmanager
def tls_context(settings: ServerSettings) -> Iterator[ssl.SSLContext | None]:
    """What connections are made with, `None` for plain HTTP; follows the files until the end.

    Raises `ServerError` when they cannot be used.
    """
    if settings.tls is None:
        yield None
        return
    with Certificates(settings.tls).watched() as context:
        yield context
