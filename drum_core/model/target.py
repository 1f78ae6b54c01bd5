"""What a model predicts, with the labels that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from drum_core.environment import environment
from drum_core.errors import OptionConflictError
from drum_core.model.fit_record import FitRecord, read_fit_record
from drum_core.model.metadata import METADATA_FILE, InferenceSection, Metadata
from drum_core.options.base import PredictingOptions
from drum_core.options.choices import TargetType

if TYPE_CHECKING:
    from drum_core.options.base import ModelOptions

__all__ = [
    "AnomalyTarget",
    "BinaryTarget",
    "ClassTarget",
    "ColumnTarget",
    "GeoPointTarget",
    "MulticlassTarget",
    "MultilabelTarget",
    "RegressionTarget",
    "TableTarget",
    "Target",
    "TextTarget",
    "TransformTarget",
    "UnstructuredTarget",
    "has_labels",
    "read_labels",
    "resolve_target",
    "target_type",
]


@dataclass(frozen=True, slots=True)
class RegressionTarget:
    """One number a row."""

    type: ClassVar[TargetType] = TargetType.REGRESSION


@dataclass(frozen=True, slots=True)
class AnomalyTarget:
    """One score a row: how unusual it is."""

    type: ClassVar[TargetType] = TargetType.ANOMALY


@dataclass(frozen=True, slots=True)
class BinaryTarget:
    """The probabilities of two classes."""

    positive: str
    negative: str
    type: ClassVar[TargetType] = TargetType.BINARY

    @property
    def labels(self) -> tuple[str, ...]:
        """Negative first: the order of two columns that have no names."""
        return (self.negative, self.positive)


@dataclass(frozen=True, slots=True)
class MulticlassTarget:
    """A probability for each of several classes, of which one is true."""

    labels: tuple[str, ...]
    type: ClassVar[TargetType] = TargetType.MULTICLASS


@dataclass(frozen=True, slots=True)
class MultilabelTarget:
    """A probability for each of several labels, of which any number may be true."""

    labels: tuple[str, ...]
    type: ClassVar[TargetType] = TargetType.MULTILABEL


@dataclass(frozen=True, slots=True)
class GeoPointTarget:
    """One place a row, as a number or a text."""

    type: ClassVar[TargetType] = TargetType.GEO_POINT


@dataclass(frozen=True, slots=True)
class TextTarget:
    """One text a row, in a column called `name`: text generation, vector database, agent."""

    type: TargetType
    name: str


@dataclass(frozen=True, slots=True)
class UnstructuredTarget:
    """Whatever the model makes of whatever it is given."""

    type: ClassVar[TargetType] = TargetType.UNSTRUCTURED


@dataclass(frozen=True, slots=True)
class TransformTarget:
    """A table for a table."""

    type: ClassVar[TargetType] = TargetType.TRANSFORM


ColumnTarget: TypeAlias = RegressionTarget | AnomalyTarget | GeoPointTarget | TextTarget
"""Targets whose predictions are one column."""

ClassTarget: TypeAlias = BinaryTarget | MulticlassTarget | MultilabelTarget
"""Targets whose predictions are a column for each label."""

TableTarget: TypeAlias = ColumnTarget | ClassTarget
"""Targets that are predicted row by row on a table."""

Target: TypeAlias = TableTarget | UnstructuredTarget | TransformTarget

_WITHOUT_NAMES: Final[Mapping[TargetType, Target]] = {
    TargetType.REGRESSION: RegressionTarget(),
    TargetType.ANOMALY: AnomalyTarget(),
    TargetType.GEO_POINT: GeoPointTarget(),
    TargetType.UNSTRUCTURED: UnstructuredTarget(),
    TargetType.TRANSFORM: TransformTarget(),
}
"""The targets that need no labels and no column."""


def resolve_target(options: ModelOptions, metadata: Metadata | None) -> Target:
    """The target that options and metadata agree on; what they leave open, `drum fit` has told.

    Raises `OptionConflictError` when they do not, or when one of them should say more.
    """
    kind = target_type(options, metadata)
    record = read_fit_record(options.code_dir)
    if record is not None and record.target_type is not kind:
        record = None
    if isinstance(options, PredictingOptions) and kind is not TargetType.UNSTRUCTURED:
        _refuse_request_options(options, kind)
    inference = metadata.inference_model if metadata else None
    match kind:
        case TargetType.BINARY:
            return _binary(options, inference, record)
        case TargetType.MULTICLASS:
            return MulticlassTarget(_class_labels(options, inference, kind, record))
        case TargetType.MULTILABEL:
            return MultilabelTarget(_class_labels(options, inference, kind, record))
        case TargetType.TEXT_GENERATION | TargetType.VECTOR_DATABASE | TargetType.AGENTIC_WORKFLOW:
            return TextTarget(kind, _target_name(options, inference, kind, record))
        case _:
            return _WITHOUT_NAMES[kind]


def has_labels(options: ModelOptions, metadata: Metadata | None) -> bool:
    """Whether options or metadata say anything about the labels."""
    asked = (options.positive_class_label, options.class_labels, options.class_labels_file)
    section = metadata.inference_model if metadata else None
    written = (
        (section.positive_class_label, section.class_labels, section.class_labels_file)
        if section
        else ()
    )
    return any(label is not None for label in (*asked, *written))


def target_type(options: ModelOptions, metadata: Metadata | None) -> TargetType:
    """The target type that options and metadata agree on; raises as `resolve_target`."""
    asked = options.target_type
    if metadata is None:
        if asked is None and (record := read_fit_record(options.code_dir)) is not None:
            return record.target_type
        if asked is None:
            raise OptionConflictError(
                "The target type is not known: give --target-type, or set targetType in "
                f"{options.code_dir / METADATA_FILE}."
            )
        return asked
    written = TargetType(metadata.target_type)
    if asked is not None and asked is not written:
        source = options.sources.get("target_type", "target_type")
        raise OptionConflictError(
            f"{source} says {asked.value}; {METADATA_FILE} says {written.value}. "
            "Leave one of them out, or make them the same."
        )
    return written


def _refuse_request_options(options: PredictingOptions, kind: TargetType) -> None:
    for name in ("query", "content_type"):
        if getattr(options, name) is not None:
            source = options.sources.get(name, name)
            raise OptionConflictError(
                f"{source} is for unstructured models only; the target type here is {kind.value!r}."
            )


def _target_name(
    options: ModelOptions,
    section: InferenceSection | None,
    kind: TargetType,
    record: FitRecord | None,
) -> str:
    """The option, else the variable, else the metadata, else the target that was fitted."""
    names = (
        options.target_name,
        environment().get("TARGET_NAME"),
        section.target_name if section else None,
        record.target_name if record else None,
    )
    for name in names:
        if name and name.strip():
            return name
    raise OptionConflictError(
        f"A {kind.value} model needs the name of the column it gives its answers in: set the "
        f"environment variable TARGET_NAME, or targetName under inferenceModel in {METADATA_FILE}."
    )


def _binary(
    options: ModelOptions, section: InferenceSection | None, record: FitRecord | None
) -> BinaryTarget:
    asked = (options.positive_class_label, options.negative_class_label)
    written = (
        (section.positive_class_label, section.negative_class_label) if section else (None,) * 2
    )
    if None not in asked and None not in written and asked != written:
        raise OptionConflictError(
            f"--positive-class-label and --negative-class-label say {asked[0]!r} and {asked[1]!r}; "
            f"{METADATA_FILE} says {written[0]!r} and {written[1]!r}. Make them the same."
        )
    positive, negative = asked if None not in asked else written
    if record is not None and len(record.labels) == 2 and (positive is None or negative is None):
        positive, negative = record.labels
    if positive is None or negative is None:
        raise OptionConflictError(
            "A binary model needs its two labels: give --positive-class-label and "
            f"--negative-class-label, or set them under inferenceModel in {METADATA_FILE}."
        )
    if positive == negative:
        raise OptionConflictError(f"The two labels of a binary model are the same: {positive!r}.")
    return BinaryTarget(positive=positive, negative=negative)


def _class_labels(
    options: ModelOptions,
    section: InferenceSection | None,
    kind: TargetType,
    record: FitRecord | None,
) -> tuple[str, ...]:
    asked = options.class_labels
    if options.class_labels_file is not None:
        asked = read_labels(options.class_labels_file)
    written = None
    if section is not None and section.class_labels is not None:
        written = tuple(section.class_labels)
    elif section is not None and section.class_labels_file is not None:
        written = read_labels(options.code_dir / section.class_labels_file)
    if asked is not None and written is not None and set(asked) != set(written):
        raise OptionConflictError(
            f"--class-labels says {list(asked)!r}; {METADATA_FILE} says {list(written)!r}. "
            "Make them the same; the order may differ."
        )
    labels = asked if asked is not None else written
    if labels is None and record is not None and record.labels:
        labels = record.labels
    if labels is None:
        raise OptionConflictError(
            f"A {kind.value} model needs its labels: give --class-labels or --class-labels-file, "
            f"or set classLabels under inferenceModel in {METADATA_FILE}."
        )
    if len(set(labels)) != len(labels):
        raise OptionConflictError(f"A class label is there twice: {list(labels)!r}.")
    return labels


def read_labels(path: Path) -> tuple[str, ...]:
    """The labels in a file, one a line; empty lines do not count.

    Raises `OptionConflictError` when the file cannot be read or has fewer than two.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OptionConflictError(
            f"The class labels file {path} cannot be read: {error}."
        ) from error
    labels = tuple(line for line in lines if line.strip())
    if len(labels) < 2:
        raise OptionConflictError(f"{path} needs at least 2 labels, one a line; got {len(labels)}.")
    return labels
