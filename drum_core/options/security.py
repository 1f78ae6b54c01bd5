"""The options that say who may ask a server, and for what."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

from drum_core.errors import OptionConflictError, OptionError
from drum_core.options.flag import MASK, Flag
from drum_core.options.monitoring import MonitoredOptions
from drum_core.options.tokens import EXPECTED, check_token_file, parse_tokens

__all__ = ["SecurityOptions"]

_ORIGIN: Final = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")
_HOST: Final = re.compile(r"\[[0-9a-fA-F:.]+\]|(\*\.)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, kw_only=True)
class SecurityOptions(MonitoredOptions):
    """Tokens, hosts, proxies and pages. Lists take their items apart by commas, too."""

    server_token: Annotated[
        str | None,
        Flag(
            env="DRUM_SERVER_TOKEN",
            parameter="DRUM_SERVER_TOKEN",
            help="the bearer token that every request but a probe must bring; several, for "
            "rotation, are separated by commas",
            secret=True,
            empty_counts=True,
        ),
    ] = field(default=None, repr=False)
    server_token_file: Annotated[
        Path | None,
        Flag(
            names=("--server-token-file",),
            env="DRUM_SERVER_TOKEN_FILE",
            parameter="DRUM_SERVER_TOKEN_FILE",
            help="a file with the bearer tokens, one a line; it is read anew when it changes",
            path="any",
            empty_counts=True,
        ),
    ] = None
    open_extensions: Annotated[
        bool,
        Flag(
            names=("--open-extensions",),
            env="DRUM_OPEN_EXTENSIONS",
            help="what custom_flask.py or custom_fastapi.py adds needs no token",
        ),
    ] = False
    trusted_hosts: Annotated[
        tuple[str, ...],
        Flag(
            names=("--trusted-hosts",),
            env="DRUM_TRUSTED_HOSTS",
            parameter="DRUM_TRUSTED_HOSTS",
            help="the names in the header Host that are answered, *.example.com for all below; "
            "by default all",
        ),
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...],
        Flag(
            names=("--trusted-proxies",),
            env="DRUM_TRUSTED_PROXIES",
            env_fallback="FORWARDED_ALLOW_IPS",
            parameter="DRUM_TRUSTED_PROXIES",
            help="addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are "
            "believed, * for all; by default none",
            metavar="ADDRESS",
        ),
    ] = ()
    cors_origins: Annotated[
        tuple[str, ...],
        Flag(
            names=("--cors-origins",),
            env="DRUM_CORS_ORIGINS",
            parameter="DRUM_CORS_ORIGINS",
            help="pages whose scripts may ask, such as https://app.example.com, * for all; by "
            "default none",
        ),
    ] = ()
    cors_credentials: Annotated[
        bool,
        Flag(
            names=("--cors-credentials",),
            env="DRUM_CORS_CREDENTIALS",
            help="these pages may send cookies; not together with *",
        ),
    ] = False
    hsts_max_age: Annotated[
        int,
        Flag(
            names=("--hsts-max-age",),
            env="DRUM_HSTS_MAX_AGE",
            help="seconds for which browsers shall ask this host over TLS only; it holds for every "
            "port of the host",
            metavar="SECONDS",
            minimum=0,
        ),
    ] = 0

    def __post_init__(self) -> None:
        MonitoredOptions.__post_init__(self)
        self._check_tokens()
        self._set_list(
            "trusted_hosts", _is_host, "names such as model.example.com or *.example.com"
        )
        self._set_list(
            "trusted_proxies", _is_network, "addresses or networks such as 10.0.0.7 or 10.0.0.0/8"
        )
        self._set_list(
            "cors_origins", _is_origin, "origins such as https://app.example.com, with no path"
        )
        if self.cors_credentials and "*" in self.cors_origins:
            raise OptionConflictError(
                "--cors-credentials opens the server to the pages of --cors-origins with the "
                "user's own cookies: list the origins there, instead of *."
            )

    def server_tokens(self) -> tuple[str, ...]:
        """The tokens that were given as a value; none where there are none, or a file has them."""
        return () if self.server_token is None else parse_tokens(self.server_token)

    def _check_tokens(self) -> None:
        file_label = self.sources.get("server_token_file", "server_token_file")
        label = self.sources.get("server_token", "server_token")
        if self.server_token is not None and self.server_token_file is not None:
            raise OptionConflictError(
                f"{label} and {file_label} both say which tokens are taken: give one of them."
            )
        if self.server_token_file is not None:
            check_token_file(file_label, self.server_token_file)
        try:
            self.server_tokens()
        except ValueError as error:
            # Without this, a variable that was left empty would leave the server open.
            shown = MASK if (self.server_token or "").strip() else ""
            raise OptionError(label, shown, f"{EXPECTED}; here, {error}") from None

    def _set_list(self, name: str, fits: Callable[[str], bool], expected: str) -> None:
        items = _apart(getattr(self, name))
        for item in items:
            if not fits(item):
                raise OptionError(self.sources.get(name, name), item, expected)
        object.__setattr__(self, name, items)


def _apart(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(item for text in texts for item in re.split(r"[\s,]+", text) if item)


def _is_host(text: str) -> bool:
    return _HOST.fullmatch(text) is not None


def _is_origin(text: str) -> bool:
    return text == "*" or _ORIGIN.fullmatch(text) is not None


def _is_network(text: str) -> bool:
    import ipaddress

    if text == "*":
        return True
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
