"""`--deployment-config`: the labels, names and threshold that a deployment's answers have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from drum_core.data.labels import match_labels
from drum_core.errors import DrumError
from drum_core.model.target import BinaryTarget, MulticlassTarget, MultilabelTarget, Target

__all__ = ["DeploymentConfig", "DeploymentConfigError", "Scalar", "read_deployment_config"]

Scalar = str | int | float | bool | None

_THRESHOLD: Final = 0.5
_POSITIVE: Final = 1


class DeploymentConfigError(DrumError):
    """Raised when the file of `--deployment-config` is not what it must be."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path: Path = path
        super().__init__(f"The deployment configuration {path} cannot be used: {problem}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentConfig:
    """What the answers of a deployment look like.

    `classes` are the labels as they are written in an answer, each with the label of the model
    that it stands for, in the order of the answer; none for a target without classes. `name` is
    the name of the target. A row belongs to a class whose probability is above `threshold`.
    """

    target: Target
    name: Scalar
    threshold: float
    classes: tuple[tuple[Scalar, str], ...] = ()


def read_deployment_config(path: Path, target: Target) -> DeploymentConfig:
    """The configuration in a JSON file, for a model that predicts `target`.

    Without a class mapping the labels are the model's own. Raises `DeploymentConfigError`.
    """
    section = _section(path)
    name = section.get("name")
    if not isinstance(name, Scalar):
        raise DeploymentConfigError(path, f"'target.name': expected a text, got {name!r}")
    threshold = section.get("prediction_threshold")
    if threshold is None:
        threshold = _THRESHOLD
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)):
        problem = f"'target.prediction_threshold': expected a number, got {threshold!r}"
        raise DeploymentConfigError(path, problem)
    classes: tuple[tuple[Scalar, str], ...] = ()
    if isinstance(target, (BinaryTarget, MulticlassTarget, MultilabelTarget)):
        classes = _classes(path, section.get("class_mapping"), target)
    return DeploymentConfig(target=target, name=name, threshold=float(threshold), classes=classes)


def _section(path: Path) -> Mapping[str, object]:
    try:
        content: object = orjson.loads(path.read_bytes())
    except OSError as error:
        raise DeploymentConfigError(path, f"it cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        problem = f"Failed to parse deployment config json file: {error}"
        raise DeploymentConfigError(path, problem) from error
    section = content.get("target") if isinstance(content, dict) else None
    if section is None:
        problem = "'target' section not found in deployment config json file"
        raise DeploymentConfigError(path, problem)
    if not isinstance(section, dict):
        raise DeploymentConfigError(path, f"'target': expected an object, got {section!r}")
    return section


def _classes(
    path: Path, mapping: object, target: BinaryTarget | MulticlassTarget | MultilabelTarget
) -> tuple[tuple[Scalar, str], ...]:
    """The classes in the order of the answer: by their number, for binary the positive first."""
    if mapping is None:
        labels = target.labels[::-1] if isinstance(target, BinaryTarget) else target.labels
        return tuple((label, label) for label in labels)
    pairs = _pairs(path, mapping)
    given = [label for label, _ in pairs]
    matched = match_labels(given, target.labels)
    if matched is None:
        problem = (
            f"'target.class_mapping' has the labels {given!r}, the model has "
            f"{list(target.labels)!r}; they must be the same"
        )
        raise DeploymentConfigError(path, problem)
    classes = tuple(zip(given, matched, strict=True))
    if not isinstance(target, BinaryTarget):
        return classes
    numbers = [number for _, number in pairs]
    if sorted(numbers) != [0, _POSITIVE]:
        problem = f"'target.class_mapping': a binary model has the classes 0 and 1, got {numbers}"
        raise DeploymentConfigError(path, problem)
    return classes[::-1]


def _pairs(path: Path, mapping: object) -> Sequence[tuple[Scalar, int]]:
    pairs: list[tuple[Scalar, int]] = []
    for item in mapping if isinstance(mapping, list) else [mapping]:
        match item:
            case [str() | int() | float() as label, int() as number]:
                pairs.append((label, number))
            case _:
                problem = (
                    "'target.class_mapping': expected a list of pairs such as "
                    f'["label", 0], got {item!r}'
                )
                raise DeploymentConfigError(path, problem)
    return sorted(pairs, key=lambda pair: pair[1])
