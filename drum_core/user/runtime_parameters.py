"""`RuntimeParameters`: what a hook calls to get the parameters its model runs with."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Final, TypeVar, cast, final, overload

from drum_core.environment import RUNTIME_PARAMETER_PREFIX, variable, variable_names
from drum_core.user.errors import ParameterMissingError, ParameterValueError
from drum_core.user.parameters import Parameter, ParameterType, read_envelope, told, variable_of
from drum_core.user.secrets import Secret, secret_from
from drum_core.user.settings import asking

__all__ = ["RuntimeParameters"]

S = TypeVar("S", bound=Secret)


class _Required:
    """The default of a parameter that has none."""


_REQUIRED: Final = _Required()


@final
class RuntimeParameters:
    """The runtime parameters of the model whose code asks.

    A value comes from the file given with `--runtime-params-file`, else from the variable
    `MLOPS_RUNTIME_PARAM_<name>`. `get` and `has` are DRUM's; the methods with a type in their name
    check it, take a default, and also know the `defaultValue` of model-metadata.yaml::

        temperature = RuntimeParameters.get_float("temperature", 0.2)
        token = RuntimeParameters.get_secret("openai", ApiTokenSecret).api_token
    """

    PARAM_PREFIX: Final = "MLOPS_RUNTIME_PARAM"

    @classmethod
    def namespaced_param_name(cls, param_name: str) -> str:
        """The environment variable of a parameter."""
        return variable_of(param_name)

    @classmethod
    def has(cls, key: str) -> bool:
        """Whether the parameter is set, be it to null or to something invalid."""
        return key in asking().parameters or variable(variable_of(key)) is not None

    @classmethod
    def get(cls, key: str) -> object:
        """The value as it was given: a number that was given as text stays a text.

        Raises `ParameterMissingError`, a `ValueError`, when it is not set; `ParameterJSONError`
        and `ParameterValueError` when its variable holds something else than a parameter.
        """
        found = _found(key)
        if found is None:
            raise _missing(key)
        return found.payload

    @overload
    @classmethod
    def get_str(cls, key: str, default: str = ...) -> str: ...
    @overload
    @classmethod
    def get_str(cls, key: str, default: None) -> str | None: ...
    @classmethod
    def get_str(cls, key: str, default: object = _REQUIRED) -> str | None:
        """The text of a `string` parameter. Null counts as not set."""
        return cast("str | None", _typed(key, ("string",), default))

    @overload
    @classmethod
    def get_bool(cls, key: str, default: bool = ...) -> bool: ...
    @overload
    @classmethod
    def get_bool(cls, key: str, default: None) -> bool | None: ...
    @classmethod
    def get_bool(cls, key: str, default: object = _REQUIRED) -> bool | None:
        """The truth value of a `boolean` parameter. Null counts as not set."""
        return cast("bool | None", _typed(key, ("boolean",), default))

    @overload
    @classmethod
    def get_float(cls, key: str, default: float = ...) -> float: ...
    @overload
    @classmethod
    def get_float(cls, key: str, default: None) -> float | None: ...
    @classmethod
    def get_float(cls, key: str, default: object = _REQUIRED) -> float | None:
        """The number of a `numeric` parameter. Null counts as not set."""
        value = _typed(key, ("numeric",), default)
        return None if value is None else float(cast("float", value))

    @overload
    @classmethod
    def get_int(cls, key: str, default: int = ...) -> int: ...
    @overload
    @classmethod
    def get_int(cls, key: str, default: None) -> int | None: ...
    @classmethod
    def get_int(cls, key: str, default: object = _REQUIRED) -> int | None:
        """The whole number of a `numeric` parameter. Null counts as not set.

        Raises `ParameterValueError` for a number that is not whole.
        """
        value = _typed(key, ("numeric",), default)
        if value is None:
            return None
        if isinstance(value, (int, str)):
            with suppress(ValueError):  # a text such as 5.0
                return int(value)
        number = float(cast("float", value))
        if not number.is_integer():  # nor are infinity and NaN
            raise ParameterValueError(key, f"expected a whole number, got {told(value)}")
        return int(number)

    @overload
    @classmethod
    def get_credential(cls, key: str) -> Mapping[str, object]: ...
    @overload
    @classmethod
    def get_credential(cls, key: str, default: None) -> Mapping[str, object] | None: ...
    @classmethod
    def get_credential(cls, key: str, default: object = _REQUIRED) -> Mapping[str, object] | None:
        """The fields of a `credential` parameter, `credentialType` among them."""
        return cast("Mapping[str, object] | None", _typed(key, ("credential",), default))

    @classmethod
    def get_secret(cls, key: str, kind: type[S]) -> S:
        """A `credential` parameter as one of the classes of `drum_core.user`.

        Raises `ParameterValueError` when it is of another kind, `SecretError` when its fields are
        not those of its kind.
        """
        found = secret_from(cls.get_credential(key), source=key)
        if not isinstance(found, kind):
            wanted, got = kind.credential_type, found.credential_type
            raise ParameterValueError(key, f"expected a credential of type {wanted}, got {got}")
        return found

    @overload
    @classmethod
    def get_deployment(cls, key: str, default: str = ...) -> str: ...
    @overload
    @classmethod
    def get_deployment(cls, key: str, default: None) -> str | None: ...
    @classmethod
    def get_deployment(cls, key: str, default: object = _REQUIRED) -> str | None:
        """The id of a `deployment` parameter. Null counts as not set."""
        return cast("str | None", _typed(key, ("deployment",), default))


def _found(key: str) -> Parameter | None:
    settings = asking()
    if key in settings.parameters:
        return settings.parameters[key]
    text = variable(variable_of(key))
    return None if text is None else read_envelope(key, text)


def _typed(key: str, types: tuple[ParameterType, ...], default: object) -> object:
    found = _found(key) or asking().defaults.get(key)
    if found is None or found.payload is None:
        if default is _REQUIRED:
            raise _missing(key)
        return default
    if found.type not in types:
        raise ParameterValueError(key, f"expected the type {types[0]}, got {found.type}")
    return found.payload


def _missing(key: str) -> ParameterMissingError:
    settings = asking()
    from_environment = [
        name.removeprefix(RUNTIME_PARAMETER_PREFIX)
        for name in variable_names()
        if name.startswith(RUNTIME_PARAMETER_PREFIX)
    ]
    known = [*settings.parameters, *settings.defaults, *from_environment]
    return ParameterMissingError(key, variable_of(key), known)
