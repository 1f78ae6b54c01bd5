"""The closed sets that options choose from."""

from __future__ import annotations

import enum
from typing import Final

__all__ = ["LOGGING_LEVELS", "Language", "RunMode", "TargetType", "ValidationCheck"]


class RunMode(enum.Enum):
    """What a run does with a model folder."""

    SCORE = "score"
    SERVER = "server"
    FIT = "fit"
    PERF_TEST = "perf-test"
    VALIDATION = "validation"
    NEW = "new"
    PUSH = "push"


class TargetType(enum.Enum):
    """What a model predicts. The values are those of model-metadata.yaml."""

    BINARY = "binary"
    REGRESSION = "regression"
    ANOMALY = "anomaly"
    UNSTRUCTURED = "unstructured"
    MULTICLASS = "multiclass"
    TRANSFORM = "transform"
    TEXT_GENERATION = "textgeneration"
    GEO_POINT = "geopoint"
    VECTOR_DATABASE = "vectordatabase"
    AGENTIC_WORKFLOW = "agenticworkflow"
    MULTILABEL = "multilabel"


class Language(enum.Enum):
    """The language that a model folder is written in."""

    PYTHON = "python"
    R = "r"
    JAVA = "java"
    OTHER = "other"


class ValidationCheck(enum.Enum):
    """The checks of `drum validation`, in the order of its report; see docs/validation.md."""

    BATCH = "batch"
    NULLS = "nulls"
    PROBABILITIES = "probabilities"
    JSON = "json"
    REPEAT = "repeat"
    HISTORY = "history"
    RELOAD = "reload"
    SERVER = "server"
    ONE_ROW = "one-row"
    ROW_BY_ROW = "row-by-row"
    ROW_ORDER = "row-order"
    EQUAL_ROWS = "equal-rows"
    NO_ROWS = "no-rows"
    COLUMN_ORDER = "column-order"
    EXTRA_COLUMN = "extra-column"
    MISSING_COLUMN = "missing-column"
    UNSEEN_CATEGORY = "unseen-category"
    EMPTY_TEXT = "empty-text"
    LONG_TEXT = "long-text"
    EXTREME_NUMBERS = "extreme-numbers"
    MEMORY = "memory"


LOGGING_LEVELS: Final = (
    "all",
    "debug",
    "info",
    "warn",
    "warning",
    "error",
    "critical",
    "fatal",
)
