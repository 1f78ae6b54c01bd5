"""What is to be fitted: all that options, metadata and data say, checked before any code runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from drum_core.errors import DrumError, OptionConflictError, SchemaError
from drum_core.model.schema.checks import check_input
from drum_core.model.schema.checks import check_target as check_schema_target
from drum_core.model.schema.spec import default_transform_schema
from drum_core.model.target import BinaryTarget, TextTarget, has_labels, resolve_target, target_type
from drum_core.options.choices import TargetType
from drum_core.training.parameters import read_parameters
from drum_core.training.rows import Rows, read_rows, sampled
from drum_core.training.target_values import (
    check_labels_occur,
    check_target,
    check_weights,
    find_labels,
)

if TYPE_CHECKING:
    from drum_core.model.metadata import Metadata
    from drum_core.model.schema.spec import TypeSchema
    from drum_core.model.target import Target
    from drum_core.options.fit import FitOptions
    from drum_core.results.report import JSON

__all__ = ["NO_SCHEMA", "FitTask", "read_task"]

_logger = logging.getLogger("drum.fit")

NO_SCHEMA: Final = (
    "WARNING: No type schema provided. For transforms, we take a dense table of numbers, "
    "categories, texts and dates without missing values, and expect numbers back. Say otherwise "
    "in a typeSchema in model-metadata.yaml, or use --disable-strict-validation."
)
"""The beginning is DRUM's, for scripts."""

_WITH_LABELS: Final = frozenset({TargetType.BINARY, TargetType.MULTICLASS, TargetType.MULTILABEL})
_TARGET_OPTIONAL: Final = frozenset({TargetType.TRANSFORM, TargetType.VECTOR_DATABASE})


@dataclass(frozen=True, slots=True, kw_only=True)
class FitTask:
    """A checked task. `uses_default_schema` says that the folder has no typeSchema of its own."""

    target: Target
    rows: Rows
    labels: tuple[str, ...]
    labels_found: bool
    parameters: Mapping[str, JSON]
    schema: TypeSchema | None
    uses_default_schema: bool

    @property
    def kind(self) -> TargetType:
        """What the model predicts."""
        return self.target.type

    @property
    def target_name(self) -> str | None:
        """The name of what is predicted, if it has one."""
        return self.target.name if isinstance(self.target, TextTarget) else self.rows.target_name


def read_task(options: FitOptions, metadata: Metadata | None) -> FitTask:
    """Reads the data and the parameters, and checks them against each other.

    Raises `InputError`, `OptionConflictError`, and `SchemaError` for data that do not fit the
    typeSchema, unless the options say that this is only logged.
    """
    kind = target_type(options, metadata)
    _check_target_option(options, kind)
    schema, is_default = _schema(options, metadata, kind)
    definitions = metadata.hyperparameters if metadata else None
    parameters = read_parameters(options.parameter_file, definitions or ())
    rows = read_rows(options, kind)
    check_target(rows, kind)
    check_weights(rows)
    target, labels, found = _target(options, metadata, rows, kind)
    if schema is not None:
        _check_features(options, rows, schema)
    return FitTask(
        target=target,
        rows=sampled(rows, options.most_rows, classes=kind in _WITH_LABELS),
        labels=labels,
        labels_found=found,
        parameters=parameters,
        schema=schema,
        uses_default_schema=is_default,
    )


def _check_target_option(options: FitOptions, kind: TargetType) -> None:
    given = options.target is not None or options.target_csv is not None
    if kind is TargetType.UNSTRUCTURED:
        raise DrumError(
            "An unstructured model cannot be fitted: what it takes is no table, and neither its "
            "hooks nor CustomTask have a part for training. Train it by a program of your own that "
            "writes the artifact into the model folder."
        )
    if kind is TargetType.ANOMALY and given:
        raise OptionConflictError(
            "An anomaly model is fitted without a target: leave --target and --target-csv out, and "
            "take such a column out of the input."
        )
    if kind is not TargetType.ANOMALY and kind not in _TARGET_OPTIONAL and not given:
        raise OptionConflictError(
            f"A {kind.value} model is fitted to a target: give --target COLUMN, or --target-csv "
            "FILE. Only anomaly, transform and vectordatabase models do without."
        )


def _schema(
    options: FitOptions, metadata: Metadata | None, kind: TargetType
) -> tuple[TypeSchema | None, bool]:
    """The type schema of the folder, else that of transforms, and whether it is the latter."""
    schema = metadata.type_schema if metadata else None
    if schema is not None:
        check_schema_target(schema, kind)
        return schema, False
    if kind is TargetType.TRANSFORM and not options.disable_strict_validation:
        return default_transform_schema(), True
    return None, False


def _check_features(options: FitOptions, rows: Rows, schema: TypeSchema) -> None:
    try:
        check_input(rows.features, schema)
    except SchemaError:
        if not options.disable_strict_validation:
            raise  # what it found has been logged


def _target(
    options: FitOptions, metadata: Metadata | None, rows: Rows, kind: TargetType
) -> tuple[Target, tuple[str, ...], bool]:
    """The target, its labels in the order of `class_order`, and whether these were found."""
    if kind not in _WITH_LABELS:
        return _target_without_labels(options, metadata, rows), (), False
    found = not has_labels(options, metadata)
    if found:
        labels = find_labels(rows, kind)
        options = _with_labels(options, kind, labels)
    target = resolve_target(options, metadata)
    if isinstance(target, BinaryTarget):
        labels = (target.positive, target.negative)
    else:
        labels = tuple(getattr(target, "labels", ()))
    if found:
        first = f"; the positive one is {labels[0]!r}" if kind is TargetType.BINARY else ""
        _logger.warning("no class labels given: found %s in the target%s", list(labels), first)
    else:
        check_labels_occur(rows, kind, labels)
    return target, labels, found


def _with_labels(options: FitOptions, kind: TargetType, labels: tuple[str, ...]) -> FitOptions:
    if kind is TargetType.BINARY:
        return replace(options, positive_class_label=labels[0], negative_class_label=labels[1])
    return replace(options, class_labels=labels)


def _target_without_labels(options: FitOptions, metadata: Metadata | None, rows: Rows) -> Target:
    """A text target that nobody has named is called as the column that is learnt."""
    try:
        return resolve_target(options, metadata)
    except OptionConflictError:
        if options.target_name is not None or rows.target_name is None:
            raise
        return resolve_target(replace(options, target_name=rows.target_name), metadata)
