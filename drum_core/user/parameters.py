"""Runtime parameters as values: their types, what each may hold, and the JSON they travel in."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, cast, get_args

from drum_core.environment import RUNTIME_PARAMETER_PREFIX
from drum_core.user.errors import ParameterJSONError, ParameterValueError

__all__ = [
    "PARAMETER_TYPES",
    "Limits",
    "Parameter",
    "ParameterType",
    "read_envelope",
    "told",
    "variable_of",
]

ParameterType: TypeAlias = Literal["string", "boolean", "numeric", "credential", "deployment"]

PARAMETER_TYPES: Final[tuple[ParameterType, ...]] = get_args(ParameterType)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that its type allows. `repr` does not show it.

    Raises `ParameterValueError` for one that its type does not allow.
    """

    name: str
    type: ParameterType
    payload: object = field(repr=False)

    def __post_init__(self) -> None:
        problem = None if self.payload is None else _CHECKS[self.type](self.payload)
        if problem:
            raise ParameterValueError(self.name, problem)

    @property
    def envelope(self) -> str:
        """The JSON that the environment holds for it."""
        return json.dumps({"payload": self.payload, "type": self.type})


def variable_of(name: str) -> str:
    """The environment variable of a parameter."""
    return f"{RUNTIME_PARAMETER_PREFIX}{name}"


def read_envelope(name: str, text: str) -> Parameter:
    """The parameter whose variable holds `text`.

    Raises `ParameterJSONError` and `ParameterValueError`.
    """
    try:
        content: object = json.loads(text)
    except ValueError as error:
        raise ParameterJSONError(variable_of(name)) from error
    if not isinstance(content, dict):
        raise ParameterValueError(name, "expected a JSON object with the keys type and payload")
    for key in ("type", "payload"):
        if key not in content:
            raise ParameterValueError(name, f"the key {key!r} is required")
    if unknown := sorted(set(content) - {"type", "payload"}):
        raise ParameterValueError(
            name, f"{unknown[0]!r} is not allowed key; expected type and payload only"
        )
    kind: object = content["type"]
    if kind not in PARAMETER_TYPES:
        known = ", ".join(PARAMETER_TYPES)
        raise ParameterValueError(name, f"the type {kind!r} is not known; expected one of {known}")
    return Parameter(name, kind, content["payload"])


def told(value: object) -> str:
    """A wrong value in an error text: a number itself, the type of what may be secret."""
    return repr(value) if isinstance(value, int | float) else type(value).__name__


def _text(value: object) -> str | None:
    if isinstance(value, str) and value:
        return None
    got = "an empty one" if value == "" else type(value).__name__
    return f"expected a text that is not empty, or null, got {got}"


def _boolean(value: object) -> str | None:
    return None if isinstance(value, bool) else f"value should be True or False, got {told(value)}"


def _numeric(value: object) -> str | None:
    try:
        float(cast("float", value))
    except (TypeError, ValueError, OverflowError):
        return f"value can't be converted to float: got {type(value).__name__}"
    return None


def _credential(value: object) -> str | None:
    if not isinstance(value, Mapping):
        return f"expected a mapping with the key credentialType, got {type(value).__name__}"
    kind: object = value.get("credentialType")
    if "credentialType" not in value:
        return "the key 'credentialType' is required"
    if not isinstance(kind, str) or not kind:
        return f"credentialType must be a text that is not empty, got {told(kind)}"
    return None


_CHECKS: Final[Mapping[ParameterType, Callable[[object], str | None]]] = {
    "string": _text,
    "boolean": _boolean,
    "numeric": _numeric,
    "credential": _credential,
    "deployment": _text,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a definition allows beyond the type; bounds are inclusive."""

    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[object, ...] | None = None
    may_be_empty: bool = True
    credential_type: str | None = None

    def problem(self, parameter: Parameter) -> str | None:
        """Why the parameter is not allowed; `None` when it is."""
        value = parameter.payload
        if value is None:
            return None if self.may_be_empty else "a value is required (allowEmpty is false)"
        if self.allowed is not None and value not in self.allowed:
            return "the value is not allowed; expected one of " + ", ".join(map(repr, self.allowed))
        if parameter.type == "numeric":
            return self._out_of_bounds(float(cast("float", value)))
        if parameter.type == "credential" and self.credential_type is not None:
            found = str(cast("Mapping[str, object]", value)["credentialType"])
            if _plain(found) != _plain(self.credential_type):
                return f"expected a credential of type {self.credential_type!r}, got {found!r}"
        return None

    def _out_of_bounds(self, number: float) -> str | None:
        if self.minimum is not None and (number < self.minimum or math.isnan(number)):
            return f"value is less than {_shown(self.minimum)}"
        if self.maximum is not None and (number > self.maximum or math.isnan(number)):
            return f"value is greater than {_shown(self.maximum)}"
        return None


def _plain(credential_type: str) -> str:
    """`apiToken` and `api_token` are one."""
    return credential_type.replace("_", "").lower()


def _shown(number: float) -> str:
    return str(int(number)) if number.is_integer() else str(number)
