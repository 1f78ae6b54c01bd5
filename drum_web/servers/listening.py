"""The socket that a server listens on, bound once, before any worker exists."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import logging
import socket
import struct
import sys
from typing import Final

from drum_core.errors import ServerError
from drum_core.options.server import ServerSettings

__all__ = ["announce", "listen", "listen_at", "refuse_new", "url_of"]

_logger = logging.getLogger("drum.server")


def listen(settings: ServerSettings) -> socket.socket:
    """A socket that listens, and that the caller closes; connections wait in its backlog.

    Raises `ServerError`.
    """
    return listen_at(settings.host, settings.port, backlog=settings.backlog, option="--address")


def listen_at(host: str, port: int, *, backlog: int, option: str) -> socket.socket:
    """As `listen`, at the address that `option` gives.

    A name with several addresses is taken at its first IPv4 one. Raises `ServerError`.
    """
    family, address = _resolve(host, port)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A port whose last connections are still in TIME_WAIT is free.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        raise ServerError(_explain(host, port, option, error)) from error
    return sock


def announce(sock: socket.socket, *, secure: bool = False) -> None:
    """Says where the server listens, with the port that the system chose for 0."""
    _logger.info("Listening on %s", url_of(sock, secure=secure))


def refuse_new(sock: socket.socket) -> None:
    """Lets no new connection begin; those that wait to be accepted still can be, by any process.

    A socket that is closed resets the connections that wait on it, and while it is open there is
    always another one. So the kernel drops the first packet (SYN) of every connection from now on:
    who connects, tries again, and is refused when the socket is closed. Linux only
    (SO_ATTACH_FILTER, see socket(7)); elsewhere nothing is done.
    """
    if not sys.platform.startswith("linux"):
        return
    program = ctypes.create_string_buffer(b"".join(_DROP_SYN))
    filter_program = struct.pack("@HP", len(_DROP_SYN), ctypes.addressof(program))
    with contextlib.suppress(OSError):  # a kernel without it: as elsewhere
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_program)


_SO_ATTACH_FILTER: Final = 26
_INSTRUCTION: Final = struct.Struct("@HBBI")
"""Of the classic Berkeley packet filter: code, jump if true, jump if false, constant."""
_DROP_SYN: Final = (
    _INSTRUCTION.pack(0x30, 0, 0, 13),  # load the byte of the TCP flags
    _INSTRUCTION.pack(0x45, 0, 1, 0x02),  # is SYN among them?
    _INSTRUCTION.pack(0x06, 0, 0, 0),  # drop the packet
    _INSTRUCTION.pack(0x06, 0, 0, 0xFFFFFFFF),  # keep all of it
)


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


def _explain(host: str, port: int, option: str, error: OSError) -> str:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"Cannot listen on {where}: the port is in use. Stop the program that uses it, or "
            f"choose another with {option}."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"Cannot listen on {where}: this machine does not have the address "
            f"{host!r}. Use one of its own, or 0.0.0.0 for all of them."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"Cannot listen on {where}: permission denied. Ports below 1024 are usually for the "
            f"administrator; choose a higher one."
        )
    return f"Cannot listen on {where}: {error.strerror or error}."
