"""What can be wrong with that which user code is given, with its tasks, and what it answers.

    DrumError
    ├── RuntimeParameterError      a runtime parameter, its definition or its file is wrong
    │   ├── ParameterMissingError  it is not set; also a `ValueError`
    │   ├── ParameterJSONError     its variable does not hold JSON
    │   ├── ParameterValueError    its value is not of its type, or is not allowed
    │   ├── ParameterPathError     the values file, or the metadata it needs, is not there
    │   ├── ParameterEmptyError    one of them is empty
    │   ├── ParameterYAMLError     one of them is not what it must be
    │   └── ParameterLoadError     a definition, or a value in the file, is wrong
    ├── SecretError                a user secret cannot be read
    │   └── UnsupportedSecretError its credential type is not known
    ├── TaskSerializationError     a task cannot be saved or loaded
    └── HookBadRequestError        a hook raised werkzeug's BadRequest

No text shows the value of a parameter that may be a secret.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from drum_core.errors import DrumError, UserHTTPError

__all__ = [
    "HookBadRequestError",
    "ParameterEmptyError",
    "ParameterJSONError",
    "ParameterLoadError",
    "ParameterMissingError",
    "ParameterPathError",
    "ParameterValueError",
    "ParameterYAMLError",
    "RuntimeParameterError",
    "SecretError",
    "TaskSerializationError",
    "UnsupportedSecretError",
    "user_answer",
]


class RuntimeParameterError(DrumError):
    """Raised for what is wrong with runtime parameters; no text shows the value of one."""


class ParameterMissingError(RuntimeParameterError, ValueError):
    """Raised when a parameter is asked for that is not set."""

    def __init__(self, name: str, variable: str, known: Sequence[str]) -> None:
        self.name = name
        near = difflib.get_close_matches(name, [other for other in known if other != name], n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(
            f"The runtime parameter {name!r} is not set.{hint} Set the variable {variable} to "
            'JSON such as {"type": "string", "payload": "…"}, or define it in '
            "model-metadata.yaml and give its value with --runtime-params-file."
        )


class ParameterJSONError(RuntimeParameterError):
    """Raised when the variable of a parameter does not hold JSON."""

    def __init__(self, variable: str) -> None:
        super().__init__(
            f"Invalid runtime parameter json payload in the variable {variable}: expected JSON "
            'such as {"type": "string", "payload": "…"}.'
        )


class ParameterValueError(RuntimeParameterError):
    """Raised when a parameter has a value that it cannot have."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        self.problem = problem
        super().__init__(f"Invalid runtime parameter {name!r}: {problem}.")


class ParameterPathError(RuntimeParameterError):
    """Raised when the file with the values, or model-metadata.yaml beside it, is not there."""


class ParameterEmptyError(RuntimeParameterError):
    """Raised when the file with the values, or model-metadata.yaml, has nothing in it."""


class ParameterYAMLError(RuntimeParameterError):
    """Raised when the file with the values, or the definitions, are not YAML as expected."""


class ParameterLoadError(RuntimeParameterError):
    """Raised when a parameter's definition, or its value in the file, is wrong."""

    def __init__(self, where: str, name: object, problem: str) -> None:
        super().__init__(f"{where}: Failed to load runtime parameter {name!r}: {problem}.")


class SecretError(DrumError):
    """Raised when a user secret cannot be read; `source` is its file or variable."""

    def __init__(self, source: str, problem: str) -> None:
        self.source = source
        super().__init__(f"The user secret {source} cannot be used: {problem}.")


class UnsupportedSecretError(SecretError):
    """Raised when a user secret is of a credential type that is not known."""

    def __init__(self, source: str, kind: object, known: Iterable[str]) -> None:
        self.kind = kind
        super().__init__(source, f"type: {kind!r}; expected one of {', '.join(known)}")


class TaskSerializationError(DrumError):
    """Raised when a task of the class interface cannot be saved or loaded."""


class HookBadRequestError(DrumError):
    """Raised when the hook `chat` or `score_unstructured` raised werkzeug's BadRequest."""


def user_answer(error: UserHTTPError) -> tuple[int, str]:
    """Status and message of the answer, also for a subclass that has set neither properly.

    A status that no answer can have is 500.
    """
    said: object = vars(error).get("message")
    text = said if isinstance(said, str) and said else str(error)
    code: object = error.status_code
    status = int(code) if isinstance(code, int) and 200 <= code <= 599 else 500
    return status, text or "The model refused the request."
