"""The socket that a server listens on, bound once, before any worker exists."""

from __future__ import annotations

import errno
import logging
import socket

from drum_core.errors import ServerError
from drum_core.options.server import ServerSettings

__all__ = ["announce", "listen", "url_of"]

_logger = logging.getLogger("drum.server")


def listen(settings: ServerSettings) -> socket.socket:
    """A socket that listens, and that the caller closes; connections wait in its backlog.

    A name with several addresses is taken at its first IPv4 one. Raises `ServerError`.
    """
    family, address = _resolve(settings.host, settings.port)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A port whose last connections are still in TIME_WAIT is free.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(settings.backlog)
    except OSError as error:
        sock.close()
        raise ServerError(_explain(settings, error)) from error
    return sock


def announce(sock: socket.socket, *, secure: bool = False) -> None:
    """Says where the server listens, with the port that the system chose for 0."""
    _logger.info("Listening on %s", url_of(sock, secure=secure))


def url_of(sock: socket.socket, *, secure: bool = False) -> str:
    """`http://127.0.0.1:43211`."""
    host, port = sock.getsockname()[:2]
    scheme = "https" if secure else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str | int | bytes, ...]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise ServerError(
            f"Cannot listen on {host!r}: the name has no address. Give an address of this "
            f"machine, such as 127.0.0.1, or 0.0.0.0 for all of them."
        ) from error
    first = min(found, key=lambda item: item[0] != socket.AF_INET)
    return first[0], first[4]


def _explain(settings: ServerSettings, error: OSError) -> str:
    where = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"Cannot listen on {where}: the port is in use. Stop the program that uses it, or "
            f"choose another with --address."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"Cannot listen on {where}: this machine does not have the address "
            f"{settings.host!r}. Use one of its own, or 0.0.0.0 for all of them."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"Cannot listen on {where}: permission denied. Ports below 1024 are usually for the "
            f"administrator; choose a higher one."
        )
    return f"Cannot listen on {where}: {error.strerror or error}."
