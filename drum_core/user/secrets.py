"""User secrets: one class for each credential type, and where they are read from."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, get_type_hints

from typing_extensions import override

from drum_core.user.errors import SecretError, UnsupportedSecretError

__all__ = [
    "MASK",
    "AdlsGen2OauthSecret",
    "ApiTokenSecret",
    "AzureSecret",
    "AzureServicePrincipalSecret",
    "BasicSecret",
    "DatabricksAccessTokenAccountSecret",
    "GCPKey",
    "GCPSecret",
    "OauthSecret",
    "S3Secret",
    "Secret",
    "SnowflakeKeyPairUserAccountSecret",
    "SnowflakeOauthUserAccountSecret",
    "TableauAccessTokenSecret",
    "secret_from",
    "values_of",
]

MASK: Final = "*****"


class _Masked:
    """A record whose `repr` shows `*****` for every text."""

    @override
    def __repr__(self) -> str:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]  # every subclass is one
        shown = ", ".join(
            f"{item.name}={repr(MASK) if isinstance(value, str) else repr(value)}"
            for item in fields
            for value in [getattr(self, item.name)]
        )
        return f"{type(self).__name__}({shown})"


class Secret(_Masked):
    """The base of all user secrets. `repr` shows none of their texts."""

    credential_type: ClassVar[str] = ""

    def is_partial_secret(self) -> bool:
        """Whether the rest of it is in a shared configuration, which it names."""
        return bool(getattr(self, "config_id", None) or getattr(self, "oauth_config_id", None))


@dataclass(frozen=True, repr=False)
class BasicSecret(Secret):
    """A user name and a password."""

    credential_type: ClassVar[str] = "basic"
    username: str
    password: str
    snowflake_account_name: str | None = None


@dataclass(frozen=True, repr=False)
class OauthSecret(Secret):
    """An OAuth token."""

    credential_type: ClassVar[str] = "oauth"
    token: str
    refresh_token: str


@dataclass(frozen=True, repr=False)
class S3Secret(Secret):
    """A key of Amazon Web Services."""

    credential_type: ClassVar[str] = "s3"
    aws_access_key_id: str | None = None
    aws_secret_access_key: str | None = None
    aws_session_token: str | None = None
    config_id: str | None = None


@dataclass(frozen=True, repr=False)
class AzureSecret(Secret):
    """A connection string of Azure."""

    credential_type: ClassVar[str] = "azure"
    azure_connection_string: str


@dataclass(frozen=True, repr=False)
class AzureServicePrincipalSecret(Secret):
    """A service principal of Azure."""

    credential_type: ClassVar[str] = "azure_service_principal"
    client_id: str
    client_secret: str
    azure_tenant_id: str


@dataclass(frozen=True, repr=False)
class GCPKey(_Masked):
    """The key file of a service account of Google Cloud."""

    type: str
    project_id: str | None = None
    private_key_id: str | None = None
    private_key: str | None = None
    client_email: str | None = None
    client_id: str | None = None
    auth_uri: str | None = None
    token_uri: str | None = None
    auth_provider_x509_cert_url: str | None = None
    client_x509_cert_url: str | None = None


@dataclass(frozen=True, repr=False)
class GCPSecret(Secret):
    """A service account of Google Cloud."""

    credential_type: ClassVar[str] = "gcp"
    gcp_key: GCPKey | None = None
    config_id: str | None = None


@dataclass(frozen=True, repr=False)
class SnowflakeOauthUserAccountSecret(Secret):
    """An OAuth client of Snowflake."""

    credential_type: ClassVar[str] = "snowflake_oauth_user_account"
    client_id: str
    client_secret: str
    snowflake_account_name: str | None
    oauth_issuer_type: str | None = None
    oauth_issuer_url: str | None = None
    oauth_scopes: str | None = None
    oauth_config_id: str | None = None


@dataclass(frozen=True, repr=False)
class SnowflakeKeyPairUserAccountSecret(Secret):
    """A key pair of a user of Snowflake."""

    credential_type: ClassVar[str] = "snowflake_key_pair_user_account"
    username: str
    private_key_str: str | None
    passphrase: str | None = None
    config_id: str | None = None


@dataclass(frozen=True, repr=False)
class AdlsGen2OauthSecret(Secret):
    """An OAuth client of Azure Data Lake Storage."""

    credential_type: ClassVar[str] = "adls_gen2_oauth"
    client_id: str
    client_secret: str
    oauth_scopes: str


@dataclass(frozen=True, repr=False)
class TableauAccessTokenSecret(Secret):
    """A personal access token of Tableau."""

    credential_type: ClassVar[str] = "tableau_access_token"
    token_name: str
    personal_access_token: str


@dataclass(frozen=True, repr=False)
class DatabricksAccessTokenAccountSecret(Secret):
    """An access token of Databricks."""

    credential_type: ClassVar[str] = "databricks_access_token_account"
    databricks_access_token: str


@dataclass(frozen=True, repr=False)
class ApiTokenSecret(Secret):
    """A token of some service."""

    credential_type: ClassVar[str] = "api_token"
    api_token: str


_CLASSES: Final[Mapping[str, type[Secret]]] = {
    kind.credential_type: kind
    for kind in (
        *(BasicSecret, OauthSecret, S3Secret, AzureSecret, AzureServicePrincipalSecret),
        *(GCPSecret, SnowflakeOauthUserAccountSecret, SnowflakeKeyPairUserAccountSecret),
        *(AdlsGen2OauthSecret, TableauAccessTokenSecret, DatabricksAccessTokenAccountSecret),
        ApiTokenSecret,
    )
}


def secret_from(content: Mapping[str, object], *, source: str) -> Secret:
    """The secret of a JSON object; names in camelCase are taken as well, unknown ones ignored.

    `source` is for error texts, which never show a value. Raises `SecretError`, and
    `UnsupportedSecretError` for a credential type that is not known.
    """
    given = {_snake(str(name)): value for name, value in content.items()}
    kind = given.get("credential_type")
    if kind is None:
        raise SecretError(source, "the key 'credential_type' is missing")
    chosen = _CLASSES.get(_snake(kind).lower()) if isinstance(kind, str) else None
    if chosen is None:
        raise UnsupportedSecretError(source, kind, _CLASSES)
    found = _record(chosen, given, source, "")
    assert isinstance(found, Secret)
    return found


def values_of(secret: object) -> Iterator[str]:
    """Every text that a secret, or a credential parameter, is made of; not its type."""
    if isinstance(secret, str):
        yield secret
    elif isinstance(secret, Mapping):
        for name, value in secret.items():
            if _snake(str(name)) != "credential_type":
                yield from values_of(value)
    elif isinstance(secret, (list, tuple)):
        for value in secret:
            yield from values_of(value)
    elif isinstance(secret, _Masked):
        yield from values_of(vars(secret))


def _record(kind: type[_Masked], given: Mapping[str, object], source: str, inside: str) -> _Masked:
    hints = get_type_hints(kind)
    values: dict[str, object] = {}
    for item in dataclasses.fields(kind):  # type: ignore[arg-type]  # every subclass is one
        if item.name in given:
            name = inside + item.name
            values[item.name] = _value(hints[item.name], given[item.name], source, name)
        elif item.default is dataclasses.MISSING:
            raise SecretError(source, f"the key {inside + item.name!r} is missing")
    return kind(**values)


def _value(hint: object, value: object, source: str, name: str) -> object:
    if value is None and hint is not str:
        return None
    if hint == GCPKey | None:
        if not isinstance(value, Mapping):
            raise SecretError(source, f"{name!r} must be an object, got a {type(value).__name__}")
        nested = {_snake(str(key)): part for key, part in value.items()}
        return _record(GCPKey, nested, source, f"{name}.")
    if not isinstance(value, str):
        got = "null" if value is None else f"a {type(value).__name__}"
        raise SecretError(source, f"{name!r} must be a text, got {got}")
    return value


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
