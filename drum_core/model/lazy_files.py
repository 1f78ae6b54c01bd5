"""Files of a model that are not in its folder: where they are, and how to get at them.

A deployment says so in the environment, a developer in the file of `--lazy-loading-file`. Both are
read here; `lazy_loading.py` fetches the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, TypeVar

from pydantic import (
    AliasChoices,
    AliasGenerator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
)
from pydantic.alias_generators import to_camel

from drum_core.errors import LazyLoadingError

__all__ = ["DATA_VARIABLE", "LazyFile", "LazyFiles", "Repository", "S3Secret", "read_lazy_files"]

DATA_VARIABLE: Final = "MLOPS_LAZY_LOADING_DATA"
_SECRET_PREFIX: Final = "MLOPS_REPOSITORY_SECRET_"

_Name = Annotated[str, StringConstraints(min_length=1)]
T = TypeVar("T", bound=BaseModel)


class _Lenient(BaseModel):
    """Keys in camelCase or snake_case; unknown ones are left alone. Errors show no values."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        alias_generator=AliasGenerator(
            validation_alias=lambda name: AliasChoices(to_camel(name), name)
        ),
    )


class LazyFile(_Lenient):
    """A file to fetch. A relative `local_path` is in the model folder."""

    remote_path: _Name
    local_path: _Name
    repository_id: _Name


class Repository(_Lenient):
    """A bucket. Without an endpoint it is at AWS; with one, its certificate is verified."""

    repository_id: _Name
    bucket_name: _Name
    credential_id: _Name
    endpoint_url: str | None = None
    verify_certificate: bool = True

    @field_validator("verify_certificate", mode="before")
    @classmethod
    def _verified_unless_refused(cls, value: object) -> object:
        return True if value is None else value

    @field_validator("endpoint_url")
    @classmethod
    def _is_a_url(cls, value: str | None) -> str | None:
        if value == "":
            raise ValueError("endpoint_url must not be an empty string")
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("expected a URL that starts with http:// or https://")
        return value


class S3Secret(_Lenient):
    """What opens a bucket of S3, or of a service that speaks its protocol."""

    credential_type: Literal["s3"]
    aws_access_key_id: _Name
    aws_secret_access_key: SecretStr = Field(min_length=1)
    aws_session_token: SecretStr | None = None


class _Data(_Lenient):
    files: list[LazyFile] = Field(min_length=1)
    repositories: list[Repository] = Field(min_length=1)


class _NamedSecret(S3Secret):
    id: _Name


class _File(_Data):
    credentials: list[_NamedSecret] = Field(min_length=1)


class LazyFiles(_Lenient):
    """The files to fetch, each with its repository and what opens that."""

    files: tuple[tuple[LazyFile, Repository, S3Secret], ...]


def read_lazy_files(path: Path | None, environ: Mapping[str, str]) -> LazyFiles | None:
    """What to fetch: as the YAML file says, else as the environment does; `None` for nothing.

    Raises `LazyLoadingError`, whose text never shows a secret.
    """
    if path is not None:
        return _from_file(path)
    text = environ.get(DATA_VARIABLE)
    if text is None:
        return None
    data = _parsed(_Data, text, DATA_VARIABLE)
    secrets = {}
    for repository in data.repositories:
        name = _SECRET_PREFIX + repository.credential_id.upper()
        if name not in environ:
            raise LazyLoadingError(
                f"The repository {repository.repository_id!r} in {DATA_VARIABLE} has the "
                f"credential {repository.credential_id!r}: expected it in the variable {name}, "
                "which is not set."
            )
        secrets[repository.credential_id] = _parsed(S3Secret, environ[name], name)
    return _joined(data, secrets, DATA_VARIABLE)


def _from_file(path: Path) -> LazyFiles:
    import yaml

    try:
        content: object = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise LazyLoadingError(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LazyLoadingError(f"{path}: Invalid lazy loading YAML file content.") from error
    if not isinstance(content, dict):
        raise LazyLoadingError(
            f"{path}: Invalid lazy loading YAML file content. Expected the keys files, "
            "repositories and credentials."
        )
    try:
        data = _File.model_validate(content)
    except ValidationError as error:
        raise _explained(str(path), error) from error
    return _joined(data, {secret.id: secret for secret in data.credentials}, str(path))


def _parsed(kind: type[T], text: str, source: str) -> T:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise _explained(source, error) from error


def _explained(source: str, error: ValidationError) -> LazyLoadingError:
    """The first problem, without what was given, which may be a secret."""
    first = error.errors(include_input=False)[0]
    field = ".".join(str(key) for key in first["loc"])
    where = f" {field!r}:" if field else ""
    said = first["msg"].removeprefix("Value error, ")
    return LazyLoadingError(f"{source}: Invalid lazy loading content.{where} {said}.")


def _joined(data: _Data, secrets: Mapping[str, S3Secret], source: str) -> LazyFiles:
    repositories = {item.repository_id: item for item in data.repositories}
    found = []
    for file in data.files:
        repository = repositories.get(file.repository_id)
        if repository is None:
            raise LazyLoadingError(
                f"{source}: the file {file.remote_path!r} is in the repository "
                f"{file.repository_id!r}; expected one of {', '.join(map(repr, repositories))}."
            )
        if repository.credential_id not in secrets:
            raise LazyLoadingError(
                f"{source}: the repository {repository.repository_id!r} has the credential "
                f"{repository.credential_id!r}, which is not among {', '.join(map(repr, secrets))}."
            )
        found.append((file, repository, secrets[repository.credential_id]))
    return LazyFiles(files=tuple(found))
