"""The runtime parameters that a folder defines, and the file that gives them values."""

from __future__ import annotations

import difflib
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from drum_core.errors import MetadataError
from drum_core.model.metadata import METADATA_FILE
from drum_core.model.yaml_text import YamlDocument, YamlValue, read_yaml_text
from drum_core.user.errors import (
    ParameterEmptyError,
    ParameterLoadError,
    ParameterPathError,
    ParameterValueError,
    ParameterYAMLError,
    RuntimeParameterError,
)
from drum_core.user.parameters import PARAMETER_TYPES, Limits, Parameter, ParameterType
from drum_core.user.secrets import MASK

__all__ = ["masked_metadata", "read_defaults", "read_values"]

_logger = logging.getLogger(__name__)

_SECTION: Final = "runtimeParameterDefinitions"
_VALUES: Final = "The file of runtime parameters"


def read_values(folder: Path, file: Path) -> tuple[dict[str, Parameter], tuple[str, ...]]:
    """The parameters that model-metadata.yaml defines, with their values from `file`.

    What the file does not name has its default. The second is a sentence for each name in the
    file that is not defined. Raises `RuntimeParameterError` naming file, line and parameter.
    """
    metadata = folder / METADATA_FILE
    if not file.is_file():
        raise ParameterPathError(f"{_VALUES} {file} does not exist.")
    if not metadata.is_file():
        raise ParameterPathError(
            f"model-metadata.yaml must exist to use runtime parameters, and {folder} has none. "
            f"Define them there, under {_SECTION}."
        )
    definitions = _definitions(metadata)
    given = _values(file)
    found: dict[str, Parameter] = {}
    for definition in definitions:
        name = definition.name
        if name in given:
            found[name] = definition.parameter(given[name], str(file))
        else:
            found[name] = definition.with_default()
    unknown = sorted(map(str, given.keys() - found.keys()))
    return found, tuple(_unknown(name, found, file, metadata) for name in unknown)


def _unknown(name: str, known: Mapping[str, Parameter], file: Path, metadata: Path) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return (
        f"{file}: the runtime parameter {name!r} is not defined in {metadata}, so its value is "
        f"not used.{hint}"
    )


def read_defaults(folder: Path) -> dict[str, Parameter]:
    """The defaults of the defined parameters that have one.

    Without a file of values definitions bind nobody: those that are wrong are left out.
    """
    metadata = folder / METADATA_FILE
    try:
        definitions = _definitions(metadata) if metadata.is_file() else []
        return {item.name: item.with_default() for item in definitions if item.default is not None}
    except RuntimeParameterError as error:
        _logger.debug("the defaults of runtime parameters are not used: %s", error)
        return {}


def masked_metadata(content: YamlValue) -> YamlValue:
    """The content of model-metadata.yaml, without the values of credentials in it."""
    if not isinstance(content, dict) or not isinstance(content.get(_SECTION), list):
        return content
    definitions = [_masked(item) for item in content[_SECTION]]
    return {**content, _SECTION: definitions}


def _masked(definition: YamlValue) -> YamlValue:
    if not isinstance(definition, dict) or definition.get("type") != "credential":
        return definition
    return {**definition, **({"defaultValue": MASK} if definition.get("defaultValue") else {})}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a definition is; without a `document` only its file is known."""

    file: Path
    document: YamlDocument | None
    index: int

    def of(self, *key: str) -> str:
        """The file, and the line of the definition or of one of its keys."""
        line = self.document.line_of((_SECTION, self.index, *key)) if self.document else None
        return f"{self.file}, line {line}" if line else str(self.file)


class _Definition:
    """One item of the section. Raises `ParameterLoadError` for the first thing wrong with it."""

    def __init__(self, item: Mapping[str, object], place: _Place) -> None:
        self._item = item
        self._place = place
        self.name = ""
        name = item.get("fieldName")
        if not isinstance(name, str) or not name:
            raise self._error("fieldName", f"is required, as a text, got {name!r}")
        self.name = name
        if item.get("type") not in PARAMETER_TYPES:
            known = ", ".join(PARAMETER_TYPES)
            raise self._error("type", f"is required, one of {known}, got {item.get('type')!r}")
        self.type = cast("ParameterType", item["type"])
        self.default = item.get("defaultValue")
        self.limits = Limits(
            minimum=self._number("minValue"),
            maximum=self._number("maxValue"),
            allowed=self._allowed(),
            may_be_empty=self._truth(),
            credential_type=self._credential_type(),
        )

    def parameter(self, value: object, where: str) -> Parameter:
        """The parameter with a value, checked; `where` the value is from is for the error."""
        parameter, problem = self._checked(value)
        if parameter is None:
            raise ParameterLoadError(where, self.name, problem)
        return parameter

    def with_default(self) -> Parameter:
        """The parameter as it is where nobody gives a value, checked."""
        parameter, problem = self._checked(self.default)
        if parameter is not None:
            return parameter
        if self.default is None:
            raise ParameterLoadError(self._place.of(), self.name, problem)
        raise self._error("defaultValue", f"cannot be used: {problem}")

    def _checked(self, value: object) -> tuple[Parameter, str] | tuple[None, str]:
        """The parameter, or why there is none."""
        try:
            parameter = Parameter(self.name, self.type, value)
        except ParameterValueError as error:
            return None, error.problem
        problem = self.limits.problem(parameter)
        return (None, problem) if problem else (parameter, "")

    def _error(self, key: str, problem: str) -> ParameterLoadError:
        return ParameterLoadError(self._place.of(key), self.name or None, f"{key!r} {problem}")

    def _number(self, key: str) -> float | None:
        value = self._item.get(key)
        if value is None:
            return None
        try:
            number = float(cast("float", value))
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if math.isnan(number):
            raise self._error(key, f"must be a number, got {value!r}")
        return number

    def _allowed(self) -> tuple[object, ...] | None:
        values = self._item.get("allowedValues")
        if values is None:
            return None
        if not isinstance(values, list) or not values:
            raise self._error("allowedValues", f"must be a list of values, got {values!r}")
        return tuple(values)

    def _truth(self) -> bool:
        value = self._item.get("allowEmpty")
        if value is None or isinstance(value, bool):
            return value is not False
        raise self._error("allowEmpty", f"must be true or false, got {value!r}")

    def _credential_type(self) -> str | None:
        value = self._item.get("credentialType")
        if value is None or isinstance(value, str):
            return value
        raise self._error("credentialType", f"must be a text, got {value!r}")


def _definitions(metadata: Path) -> list[_Definition]:
    content = _yaml(metadata)
    if content is None:
        raise ParameterEmptyError(f"Model-metadata YAML file is empty: {metadata}.")
    items: object = content.get(_SECTION) if isinstance(content, dict) else None
    if not isinstance(items, list) or not items:
        raise ParameterYAMLError(
            f"{metadata} must contain at least one parameter definition in the section "
            f"{_SECTION!r} to use runtime parameters."
        )
    try:
        document = read_yaml_text(metadata)
    except MetadataError:  # the strict reader cannot read it, so lines are not known
        document = None
    found: dict[str, _Definition] = {}
    for index, item in enumerate(items):
        place = _Place(metadata, document, index)
        if not isinstance(item, dict):
            problem = f"expected the keys fieldName and type, got {item!r}"
            raise ParameterLoadError(place.of(), None, problem)
        definition = _Definition(item, place)
        if definition.name in found:
            raise ParameterLoadError(
                place.of("fieldName"), definition.name, "duplicated definition"
            )
        found[definition.name] = definition
    return list(found.values())


def _values(file: Path) -> Mapping[object, object]:
    content = _yaml(file)
    if content is None:
        raise ParameterEmptyError(
            f"{_VALUES} {file} is empty; expected a name and a value in each line."
        )
    if not isinstance(content, dict):
        raise ParameterYAMLError(
            f"{_VALUES} {file} must be a mapping of names to values, got a "
            f"{type(content).__name__}."
        )
    return cast("Mapping[object, object]", content)


def _yaml(path: Path) -> object:
    """The content as ordinary YAML: numbers are numbers, `yes` is true."""
    import yaml

    try:
        content: object = yaml.safe_load(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ParameterPathError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ParameterYAMLError(f"{path} is no UTF-8 text.") from error
    except yaml.YAMLError as error:
        # What the parser says may quote values.
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise ParameterYAMLError(f"{where}: it is no valid YAML.") from None
    return content
