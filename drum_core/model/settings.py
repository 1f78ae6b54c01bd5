"""Reads what the code of a model folder is given from outside, as the options say."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from drum_core.environment import RUNTIME_PARAMETER_PREFIX, environment
from drum_core.model.runtime_parameters import read_defaults, read_values
from drum_core.user.errors import RuntimeParameterError
from drum_core.user.masking import TELLING
from drum_core.user.parameters import Parameter, read_envelope
from drum_core.user.real_package import real_parameters_in_use
from drum_core.user.secret_sources import read_secrets
from drum_core.user.secrets import values_of
from drum_core.user.settings import Settings

if TYPE_CHECKING:
    from drum_core.options.base import ModelOptions

__all__ = ["read_settings", "secret_texts", "warn_of_real_package"]

_logger = logging.getLogger(__name__)


def read_settings(options: ModelOptions) -> Settings:
    """The runtime parameters and user secrets of a run.

    Raises `RuntimeParameterError` and `SecretError`.
    """
    file = options.runtime_params_file
    folder = options.code_dir
    parameters, remarks = read_values(folder, file) if file is not None else ({}, ())
    return Settings(
        parameters=parameters,
        remarks=remarks,
        defaults=read_defaults(folder) if file is None else {},
        secrets=read_secrets(options.user_secrets_mount_path, options.user_secrets_prefix),
    )


def secret_texts(settings: Settings) -> Iterator[str]:
    """Every text that must not be seen: of user secrets, and of credentials in the parameters.

    Each also as `repr` and JSON show it. Texts of less than 6 characters are left out.
    """
    credentials = [
        parameter.payload
        for parameter in (*settings.parameters.values(), *_of_environment())
        if parameter.type == "credential"
    ]
    for secret in (*settings.secrets.values(), *credentials):
        for text in values_of(secret):
            yield from _shown(text)


def _shown(text: str) -> Iterator[str]:
    """A secret in each form that it is likely to be shown in."""
    for part in {text, *_secret_lines(text)}:
        if len(part) >= TELLING:
            yield from {part, repr(part)[1:-1], json.dumps(part)[1:-1]}


def _secret_lines(text: str) -> Iterator[str]:
    """The lines, as a text of several, such as a key, is also shown line by line."""
    for line in map(str.strip, text.splitlines()):
        if not line.startswith(("-----BEGIN ", "-----END ")):  # those of everybody's keys
            yield line


def warn_of_real_package(settings: Settings, path: Path) -> None:
    """Says that custom.py does not see the values of a file when it uses the package of DRUM."""
    if settings.parameters and real_parameters_in_use():
        _logger.warning(
            "%s imports the installed package datarobot_drum, whose RuntimeParameters reads only "
            "the environment; where a program embeds the model, import it from drum_core.user",
            path,
        )


def _of_environment() -> Iterator[Parameter]:
    for variable, text in environment().items():
        if variable.startswith(RUNTIME_PARAMETER_PREFIX):
            # One that is not valid is told to whoever asks for it.
            with suppress(RuntimeParameterError):
                yield read_envelope(variable.removeprefix(RUNTIME_PARAMETER_PREFIX), text)
