"""The exit statuses of the command line, and which error ends with which."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from drum_core.errors import OptionConflictError, OptionError, SchemaError, TypeSchemaError

__all__ = ["ExitStatus", "status_of"]


class ExitStatus(enum.IntEnum):
    """What the shell gets to see."""

    OK = 0
    ERROR = 1
    USAGE = 2
    SCHEMA = 3
    """Data do not fit the folder's type schema, or it is ambiguous."""
    INTERRUPTED = 130
    READER_GONE = 141
    """Whoever read the standard output stopped reading, as in `drum score … | head`."""


_STATUSES: Final[Mapping[type[BaseException], ExitStatus]] = {
    # An option that contradicts model-metadata.yaml is no misuse of the command line.
    OptionConflictError: ExitStatus.ERROR,
    OptionError: ExitStatus.USAGE,
    SchemaError: ExitStatus.SCHEMA,
    TypeSchemaError: ExitStatus.SCHEMA,
    KeyboardInterrupt: ExitStatus.INTERRUPTED,
}


def status_of(error: BaseException) -> ExitStatus:
    """The exit status for an error that ended a run."""
    for ancestor in type(error).__mro__:
        if ancestor in _STATUSES:
            return _STATUSES[ancestor]
    return ExitStatus.ERROR
