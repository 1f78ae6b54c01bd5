"""Every exception of the runtime.

    DrumError                      something a user can mend; its text is one readable paragraph
    ├── OptionError                an option has a value it cannot have
    │   └── OptionConflictError    two sources say different things, or one needs another
    ├── NotBuiltYetError           a part of DRUM that this version does not have yet
    ├── MissingExtraError          an optional package is not installed
    ├── ModelFolderError           the folder is not a model
    │   ├── MetadataError          model-metadata.yaml cannot be understood
    │   │   └── TypeSchemaError    its typeSchema says something ambiguous
    │   ├── LazyLoadingError       files that belong to the folder cannot be fetched
    │   ├── ArtifactError          no artifact, several, or one that cannot be loaded or used
    │   ├── HookError              custom.py cannot be loaded, or defines a hook wrongly
    │   └── ExtensionError         custom_flask.py or custom_fastapi.py cannot be used
    ├── InputError                 the data cannot be read or do not fit the model
    │   ├── CompressionError       compressed data are damaged or cut short
    │   └── InputTooLargeError     they unpack to more than the limit
    ├── SchemaError                a table does not fit the folder's typeSchema
    ├── MonitoringError            monitoring was asked for and cannot be started
    ├── OutputError                the place to write to cannot be written
    ├── PredictionError            the model, or a hook, failed or answered nonsense
    │   └── HookFailedError        a hook raised
    ├── RequestError               an HTTP request the route does not take
    │   ├── MalformedRequestError  it cannot be understood: no JSON, a field missing
    │   ├── AbsentAbilityError     the model cannot do what the route is for
    │   └── ContentCodingError     its body has a content encoding that is not taken
    ├── NotReadyError              the model is loading, has failed, or the worker is ending
    │   └── LoadFailedError        the model has failed to load
    ├── …                          in limit_errors.py, and in the errors.py of user, security,
    │                              upload and containers
    └── ServerError                a server cannot start
    UserHTTPError                  raised by hooks: an answer with a status of the hook's choice

A class builds its text from its arguments: what was expected, what came, what to do. HTTP
statuses are in `serving/errors.py`, exit statuses in `cli/exit_codes.py`; neither is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = [
    "AbsentAbilityError",
    "ArtifactError",
    "CompressionError",
    "ContentCodingError",
    "DrumError",
    "ExtensionError",
    "HookError",
    "HookFailedError",
    "InputError",
    "InputTooLargeError",
    "LazyLoadingError",
    "LoadFailedError",
    "MalformedRequestError",
    "MetadataError",
    "MissingExtraError",
    "ModelFolderError",
    "MonitoringError",
    "NotBuiltYetError",
    "NotReadyError",
    "OptionConflictError",
    "OptionError",
    "OutputError",
    "PredictionError",
    "RequestError",
    "SchemaError",
    "ServerError",
    "TypeSchemaError",
    "UserHTTPError",
]


class DrumError(Exception):
    """Something a user can mend. `str()` gives one readable paragraph."""


class OptionError(DrumError):
    """Raised when an options object is built with a value that an option cannot have."""

    def __init__(self, option: str, value: object, expected: str) -> None:
        self.option: str = option
        self.value: object = value
        super().__init__(f"{option}: expected {expected}, got {value!r}.")


class OptionConflictError(OptionError):
    """Raised when options, the environment and model-metadata.yaml contradict each other."""

    def __init__(self, message: str) -> None:
        self.option: str = ""
        self.value: object = None
        DrumError.__init__(self, message)


class NotBuiltYetError(DrumError):
    """Raised for a mode, option, language or target type that this version does not have."""

    def __init__(self, what: str, *, instead: str = "") -> None:
        self.what = what
        hint = f" {instead}" if instead else ""
        super().__init__(f"{what} is not built yet.{hint}")


class MissingExtraError(DrumError):
    """Raised when a part is used whose optional package is not installed."""

    def __init__(self, package: str, *, extra: str, purpose: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed. "
            f"Install it with: pip install 'drum-runtime[{extra}]'"
        )


class ModelFolderError(DrumError):
    """Raised when a folder cannot be run as a model."""


class MetadataError(ModelFolderError):
    """Raised for a model-metadata.yaml that is not valid; names file, line and field."""

    def __init__(self, path: Path, problem: str, *, line: int | None = None) -> None:
        self.path = path
        self.line = line
        self.problem = problem
        where = f"{path}, line {line}" if line is not None else str(path)
        super().__init__(f"{where}: {problem}")


class TypeSchemaError(MetadataError):
    """Raised for a condition of typeSchema that compares with one value and was given several."""


class LazyLoadingError(ModelFolderError):
    """Raised when files that a folder fetches before it is loaded are not described, or not got."""


class ArtifactError(ModelFolderError):
    """Raised when the artifact of a folder is missing, ambiguous, unreadable or of no use."""


class HookError(ModelFolderError):
    """Raised when custom.py cannot be loaded, or a hook in it cannot be called as it must be."""


class ExtensionError(ModelFolderError):
    """Raised when the folder's custom_flask.py or custom_fastapi.py cannot be used."""


class InputError(DrumError):
    """Raised when input data cannot be read, or do not fit the model."""


class CompressionError(InputError):
    """Raised when compressed data cannot be unpacked."""

    def __init__(self, coding: str, problem: str) -> None:
        self.coding: str = coding
        super().__init__(
            f"The input is said to be compressed with {coding}, but cannot be unpacked: "
            f"{problem.rstrip('.')}. It may be cut short, damaged, or not compressed at all."
        )


class InputTooLargeError(InputError):
    """Raised when input unpacks to more than the limit; no more of it was unpacked."""

    def __init__(self, limit: int) -> None:
        self.limit: int = limit
        super().__init__(
            f"The input unpacks to more than the {limit} bytes this server takes. "
            f"Send fewer rows at a time, or start the server with a higher --max-body-size."
        )


class SchemaError(DrumError):
    """Raised when a table does not fit the typeSchema of model-metadata.yaml.

    `side` is `input` or `output`; `problems` has a sentence for each requirement not met.
    """

    def __init__(self, side: str, problems: Sequence[str]) -> None:
        self.side = side
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__(f"schema validation failed for {side}: {' '.join(problems)}")


class MonitoringError(DrumError):
    """Raised when monitoring is asked for and cannot be started."""


class OutputError(DrumError):
    """Raised when an output cannot be written; found before any work where it can be."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path = path
        super().__init__(f"Cannot write {path}: {problem}.")


class PredictionError(DrumError):
    """Raised when a model or a hook gives something that is not a prediction."""


class HookFailedError(PredictionError):
    """Raised when user code raised; `__cause__` is what it raised."""

    def __init__(self, hook: str, error: BaseException, hints: Sequence[str] = ()) -> None:
        self.hook = hook
        did = f"raised {type(error).__name__}: {str(error) or '(no message)'}"
        if isinstance(error, SystemExit):
            did = f"called sys.exit({error.code!r})"
        super().__init__(" ".join([f"{hook} {did}", *hints]))


class RequestError(DrumError):
    """Raised when a route cannot take a request as it is."""


class ContentCodingError(RequestError):
    """Raised for a Content-Encoding that is not taken; `accepted` are those that are."""

    def __init__(self, coding: str, accepted: Sequence[str]) -> None:
        self.accepted: tuple[str, ...] = tuple(accepted)
        super().__init__(
            f"The content encoding {coding!r} is not taken. Send the body as it is, or with "
            f"'Content-Encoding: {' or '.join(accepted)}'."
        )


class MalformedRequestError(RequestError):
    """Raised for a request that cannot be understood; `param` names the field at fault."""

    def __init__(self, message: str, *, param: str | None = None) -> None:
        self.param: str | None = param
        super().__init__(message)


class AbsentAbilityError(RequestError):
    """Raised when a route exists, and this model cannot do what it is for."""


class NotReadyError(DrumError):
    """Raised when the model cannot answer now: it is loading, or the worker is ending."""


class LoadFailedError(NotReadyError):
    """Raised when the model cannot answer at all, because it failed to load."""


class ServerError(DrumError):
    """Raised when a server cannot listen, or does not exist."""


class UserHTTPError(Exception):
    """Raise it in a hook to choose the HTTP status and the message of the answer.

    The response has the header `X-Drum-User-Http-Error: true`, so that a client can tell it from
    an error of the server. In batch scoring it is an error like any other. A subclass may set
    `status_code` on the class; `user.errors.user_answer` reads it.
    """

    status_code: int = 400

    def __init__(
        self, message: str = "The model refused the request.", status_code: int = 400
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code


def listed(names: Iterable[object], *, most: int = 8) -> str:
    """`'a', 'b', 'c' and 4 more`: names for an error text, bounded."""
    shown = [repr(name) for name in names]
    rest = len(shown) - most
    text = ", ".join(shown[:most])
    return f"{text} and {rest} more" if rest > 0 else text
