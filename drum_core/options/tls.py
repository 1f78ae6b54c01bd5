"""The options of TLS, and what of them a server needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

from drum_core.errors import OptionConflictError, OptionError
from drum_core.options.flag import Flag
from drum_core.options.security import SecurityOptions

__all__ = ["TLSOptions", "TLSSettings"]

_NEEDS_CERTIFICATE: Final = (
    "ssl_keyfile",
    "ssl_keyfile_password",
    "ssl_keyfile_password_file",
    "ssl_ca_certs",
    "ssl_cert_reqs",
)


@dataclass(frozen=True, kw_only=True)
class TLSSettings:
    """The files of TLS. `client_certificates` is `none`, `optional` or `required`.

    The key is in the file of the certificate where `keyfile` is `None`. `minimum_version` is
    `1.2` or `1.3`.
    """

    certfile: Path
    keyfile: Path | None = None
    password: str | None = field(default=None, repr=False)
    password_file: Path | None = None
    ca_certs: Path | None = None
    client_certificates: str = "none"
    minimum_version: str = "1.2"


@dataclass(frozen=True, kw_only=True)
class TLSOptions(SecurityOptions):
    """Certificate, key, and whose client certificates are taken."""

    ssl_certfile: Annotated[
        Path | None,
        Flag(
            names=("--ssl-certfile",),
            env="DRUM_SSL_CERTFILE",
            parameter="DRUM_SSL_CERTFILE",
            help="the server's certificate with those that vouch for it, as PEM; answers are then "
            "over TLS only. It is read anew when it changes",
        ),
    ] = None
    ssl_keyfile: Annotated[
        Path | None,
        Flag(
            names=("--ssl-keyfile",),
            env="DRUM_SSL_KEYFILE",
            parameter="DRUM_SSL_KEYFILE",
            help="its private key, as PEM; by default in the same file",
        ),
    ] = None
    ssl_keyfile_password: Annotated[
        str | None,
        Flag(
            env="DRUM_SSL_KEYFILE_PASSWORD",
            parameter="DRUM_SSL_KEYFILE_PASSWORD",
            help="what opens the private key",
            secret=True,
        ),
    ] = field(default=None, repr=False)
    ssl_keyfile_password_file: Annotated[
        Path | None,
        Flag(
            names=("--ssl-keyfile-password-file",),
            env="DRUM_SSL_KEYFILE_PASSWORD_FILE",
            help="a file whose first line opens the private key",
        ),
    ] = None
    ssl_ca_certs: Annotated[
        Path | None,
        Flag(
            names=("--ssl-ca-certs",),
            env="DRUM_SSL_CA_CERTS",
            parameter="DRUM_SSL_CA_CERTS",
            help="certificates, as PEM, of those who vouch for clients",
        ),
    ] = None
    ssl_cert_reqs: Annotated[
        str | None,
        Flag(
            names=("--ssl-cert-reqs",),
            env="DRUM_SSL_CERT_REQS",
            parameter="DRUM_SSL_CERT_REQS",
            help="whether clients must have a certificate; required where --ssl-ca-certs is given",
            choices=("none", "optional", "required"),
        ),
    ] = None
    ssl_minimum_version: Annotated[
        str,
        Flag(
            names=("--ssl-minimum-version",),
            env="DRUM_SSL_MINIMUM_VERSION",
            help="the oldest version of TLS that is taken",
            choices=("1.2", "1.3"),
        ),
    ] = "1.2"

    def __post_init__(self) -> None:
        SecurityOptions.__post_init__(self)
        self._check_files()
        given = [name for name in _NEEDS_CERTIFICATE if getattr(self, name) is not None]
        if given and self.ssl_certfile is None:
            first = self.sources.get(given[0], given[0])
            raise OptionConflictError(f"{first} also needs --ssl-certfile: give the certificate.")
        if self.ssl_keyfile_password is not None and self.ssl_keyfile_password_file is not None:
            raise OptionConflictError(
                "DRUM_SSL_KEYFILE_PASSWORD and --ssl-keyfile-password-file say the same thing: "
                "give one of them."
            )
        if self.ssl_cert_reqs in ("optional", "required") and self.ssl_ca_certs is None:
            raise OptionConflictError(
                f"--ssl-cert-reqs {self.ssl_cert_reqs} also needs --ssl-ca-certs: say who vouches "
                "for clients."
            )

    def _check_files(self) -> None:
        # Not as other files, whose links are followed once: a renewed certificate may be another
        # target of the same link.
        for name in ("ssl_certfile", "ssl_keyfile", "ssl_keyfile_password_file", "ssl_ca_certs"):
            path: Path | None = getattr(self, name)
            if path is not None and not path.is_file():
                raise OptionError(self.sources.get(name, name), str(path), "an existing file")

    def tls(self) -> TLSSettings | None:
        """The part that a server needs; `None` for plain HTTP."""
        if self.ssl_certfile is None:
            return None
        by_default = "none" if self.ssl_ca_certs is None else "required"
        return TLSSettings(
            certfile=self.ssl_certfile,
            keyfile=self.ssl_keyfile,
            password=self.ssl_keyfile_password,
            password_file=self.ssl_keyfile_password_file,
            ca_certs=self.ssl_ca_certs,
            client_certificates=self.ssl_cert_reqs or by_default,
            minimum_version=self.ssl_minimum_version,
        )
