"""What `drum fit` gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from drum_core.options.choices import TargetType
from drum_core.results.report import JSON, Report

__all__ = [
    "SPARSE_COLUMNS",
    "Difference",
    "FileSource",
    "FitPhase",
    "FitResult",
    "PredictionCheck",
    "WrittenFile",
]

SPARSE_COLUMNS: Final = "sparse-columns.txt"
"""The file with the names of sparse features, for `--sparse-column-file`; target and weights are
not among them."""

FileSource: TypeAlias = Literal["fit", "folder", "drum"]
"""Who a file of the output is from: the code that was run, the model folder, or drum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    """A file of the output; `path` is relative to it, `size` is in bytes."""

    path: Path
    size: int
    source: FileSource


@dataclass(frozen=True, slots=True, kw_only=True)
class FitPhase:
    """A part of the run, and the seconds it took."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A row, counted from 0 in what was trained on, and its two predictions."""

    row: int
    first: JSON
    second: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionCheck:
    """How the fitted model did when it was served twice, each time by a server of its own.

    `rows` were predicted the first time, `compared` of them again; `differing` rows did not come
    out the same, of which `differences` has the first. `peak_memory`, in bytes, is that of the
    server and its processes.
    """

    rows: int
    compared: int
    differing: int = 0
    differences: tuple[Difference, ...] = ()
    peak_memory: int = 0

    @property
    def passed(self) -> bool:
        """Whether every row came out the same."""
        return not self.differing

    def report(self) -> Report:
        """The same as JSON."""
        return {
            "rows": self.rows,
            "compared": self.compared,
            "differing": self.differing,
            "differences": [
                {"row": item.row, "first": item.first, "second": item.second}
                for item in self.differences
            ],
            "passed": self.passed,
            "peak_memory": self.peak_memory,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FitResult:
    """What training made.

    `output` is `None` where nothing was kept; `files` are then those that would have been.
    `rows` and `columns` are of the data that the model was given. `labels` are those of a target
    with classes, the positive one first for binary; `labels_found` says that they were taken from
    the target. `peak_memory`, in bytes, is that of the process and its children while it fitted;
    `input_size`, in bytes, is that of the data in memory. `check` is `None` with `skip_predict`.
    `differences_allowed` says that the options take predictions that differ.
    """

    output: Path | None
    files: tuple[WrittenFile, ...]
    target_type: TargetType
    target_name: str | None
    labels: tuple[str, ...]
    labels_found: bool
    rows: int
    columns: int
    parameters: Mapping[str, JSON]
    phases: tuple[FitPhase, ...]
    peak_memory: int
    input_size: int
    check: PredictionCheck | None
    differences_allowed: bool = False

    @property
    def seconds(self) -> float:
        """How long all phases took."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def passed(self) -> bool:
        """Whether the predictions, if they were tried, came out the same twice, or need not."""
        return self.check is None or self.check.passed or self.differences_allowed

    def report(self) -> Report:
        """The same as JSON."""
        return {
            "output": None if self.output is None else str(self.output),
            "files": [
                {"path": item.path.as_posix(), "size": item.size, "source": item.source}
                for item in self.files
            ],
            "target_type": self.target_type.value,
            "target_name": self.target_name,
            "labels": list(self.labels),
            "labels_found": self.labels_found,
            "rows": self.rows,
            "columns": self.columns,
            "parameters": self.parameters,
            "seconds": self.seconds,
            "phases": [{"name": item.name, "seconds": item.seconds} for item in self.phases],
            "peak_memory": self.peak_memory,
            "input_size": self.input_size,
            "check": None if self.check is None else self.check.report(),
            "passed": self.passed,
        }
