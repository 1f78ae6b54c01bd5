"""The TLS of a server: one context, whose certificates are read anew when their files change."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

from typing_extensions import override

from drum_core.errors import ServerError
from drum_core.security.file_stamps import Stamp, stamp_of

if TYPE_CHECKING:
    from drum_core.options.tls import TLSSettings

__all__ = ["Certificates"]

_logger = logging.getLogger("drum.server")

LOOK_SECONDS: Final = 1.0
HANDSHAKE_SECONDS: Final = 10.0
"""What a client has to say who it is, where a thread waits for it."""

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_CLIENTS: Final = {
    "none": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}

_Seen: TypeAlias = "tuple[Stamp, ...]"


class Certificates:
    """The certificates of one server, and the context that its connections are made with.

    `context` stays one object: a renewed certificate is for the connections that come after it.
    Raises `ServerError` when the files cannot be used.
    """

    def __init__(self, settings: TLSSettings) -> None:
        self._settings = settings
        self._seen = self._look()
        self.context: ssl.SSLContext = _context(settings)

    @contextmanager
    def watched(self) -> Iterator[ssl.SSLContext]:
        """Looks at the files once a second, in a thread, until the block ends."""
        ended = threading.Event()
        watch = threading.Thread(target=self._watch, args=(ended,), name="drum-tls", daemon=True)
        watch.start()
        try:
            yield self.context
        finally:
            ended.set()

    def refresh(self) -> None:
        """Takes the files if they have changed; those that cannot be used change nothing."""
        found = self._look()
        if found == self._seen:
            return
        self._seen = found
        try:
            _context(self._settings)  # as a whole, before any of it is in use
            _load(self.context, self._settings)
        except ServerError as error:
            _logger.error("The certificate stays as it was. %s", error)
        else:
            _logger.info("Took the certificate %s anew", self._settings.certfile)

    def _watch(self, ended: threading.Event) -> None:
        while not ended.wait(LOOK_SECONDS):
            try:
                self.refresh()
            except Exception:  # such as too many open files: it may be over in a second
                _logger.exception("Cannot look for a renewed certificate")

    def _look(self) -> _Seen:
        told = self._settings
        files = (told.certfile, told.keyfile, told.ca_certs, told.password_file)
        return tuple(None if file is None else stamp_of(file) for file in files)


class _Socket(ssl.SSLSocket):
    """Waits for a handshake in a thread, but not for ever."""

    @override
    def do_handshake(self, block: bool = False) -> None:
        before = self.gettimeout()
        if before != 0:
            self.settimeout(HANDSHAKE_SECONDS)
        try:
            super().do_handshake(block)
        finally:
            self.settimeout(before)


def _context(settings: TLSSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslsocket_class = _Socket
    context.minimum_version = _VERSIONS[settings.minimum_version]
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    context.verify_mode = _CLIENTS[settings.client_certificates]
    _load(context, settings)
    return context


def _load(context: ssl.SSLContext, settings: TLSSettings) -> None:
    cert, key = settings.certfile, settings.keyfile or settings.certfile
    with _explained(f"the certificate {cert} with the key {key}"):
        context.load_cert_chain(cert, settings.keyfile, _password(settings))
    if settings.ca_certs is not None:
        with _explained(f"the certificates of those who vouch for clients, {settings.ca_certs}"):
            context.load_verify_locations(settings.ca_certs)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except _PasswordError as error:
        raise ServerError(f"Cannot use {what}: {error}.") from error
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            reason = "the key is another's. Give the two that belong together"
        else:
            reason = (
                "a file is not PEM, or the password of the key is wrong. Expected PEM, the "
                "server's own certificate first"
            )
        raise ServerError(f"Cannot use {what}: {reason}.") from error
    except OSError as error:
        raise ServerError(f"Cannot use {what}: {error.strerror or error}.") from error


class _PasswordError(Exception):
    """A password is needed, or cannot be read."""


def _password(settings: TLSSettings) -> Callable[[], str]:
    """Asked for an encrypted key only; without it, OpenSSL would ask at the terminal."""

    def password() -> str:
        if settings.password is not None:
            return settings.password
        if settings.password_file is None:
            raise _PasswordError(
                "the key is encrypted. Set DRUM_SSL_KEYFILE_PASSWORD, or give "
                "--ssl-keyfile-password-file"
            )
        try:
            return settings.password_file.read_text(encoding="utf-8").splitlines()[0]
        except (OSError, UnicodeDecodeError, IndexError) as error:
            raise _PasswordError(
                f"the password cannot be read from {settings.password_file}"
            ) from error

    return password
