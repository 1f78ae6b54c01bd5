"""Reads user secrets: from variables with a prefix, and from files that are mounted."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from drum_core.environment import environment
from drum_core.user.errors import SecretError
from drum_core.user.secrets import Secret, secret_from

__all__ = ["read_secrets"]

_logger = logging.getLogger(__name__)


def read_secrets(mount_path: Path | None, prefix: str | None) -> dict[str, Secret]:
    """The secrets by name; of two with one name, the mounted file counts.

    A variable `<prefix>_<NAME>` has the name `NAME`, a file that of itself. Raises `SecretError`.
    """
    texts = dict(_of_environment(prefix)) if prefix else {}
    if mount_path is not None:
        texts.update(_of_files(mount_path))
    return {name: _secret(source, text) for name, (source, text) in texts.items()}


def _of_environment(prefix: str) -> Iterator[tuple[str, tuple[str, str]]]:
    for variable, text in environment().items():
        if variable.startswith(f"{prefix}_"):
            yield variable.removeprefix(f"{prefix}_"), (variable, text)


def _of_files(folder: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    if not folder.is_dir():
        _logger.warning("there are no user secrets in %s: it is no folder", folder)
        return
    try:
        for path in sorted(folder.iterdir()):
            # Kubernetes keeps what it mounts in hidden folders and links to it.
            if not path.name.startswith(".") and path.is_file():
                yield path.name, (str(path), path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SecretError(str(folder), f"it cannot be read: {reason}") from error


def _secret(source: str, text: str) -> Secret:
    try:
        content: object = json.loads(text)
    except ValueError:
        # The parser's own error would hold the text.
        raise SecretError(source, "expected JSON, but it cannot be parsed") from None
    if not isinstance(content, Mapping):
        raise SecretError(source, "expected a JSON object with the key credential_type")
    return secret_from(content, source=source)
