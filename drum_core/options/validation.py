"""The options of `drum validation`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from drum_core.errors import OptionConflictError
from drum_core.options.base import PredictingOptions
from drum_core.options.choices import RunMode, ValidationCheck
from drum_core.options.flag import Flag
from drum_core.options.report import ReportOptions

__all__ = ["ValidationOptions"]


@dataclass(frozen=True, kw_only=True)
class ValidationOptions(ReportOptions, PredictingOptions):
    """Checks a model before it is deployed."""

    run_mode: ClassVar[RunMode] = RunMode.VALIDATION

    input: Annotated[
        Path,
        Flag(names=("--input",), help="the data to check with", required=True, path="file"),
    ]
    only: Annotated[
        tuple[ValidationCheck, ...],
        Flag(names=("--only",), help="run no other checks than these", metavar="CHECK"),
    ] = ()
    skip: Annotated[
        tuple[ValidationCheck, ...],
        Flag(names=("--skip",), help="leave out these checks", metavar="CHECK"),
    ] = ()
    jobs: Annotated[
        int,
        Flag(
            names=("--jobs",),
            help="processes that check at a time, each with a model of its own; 0 for as many as "
            "there are processors, up to 4",
            minimum=0,
            maximum=64,
        ),
    ] = 0
    timeout: Annotated[
        int,
        Flag(
            names=("--timeout",),
            help="seconds that loading the model, or one check, may take before it fails",
            metavar="SECONDS",
            minimum=1,
            maximum=86400,
        ),
    ] = 300
    sample_rows: Annotated[
        int,
        Flag(
            names=("--sample-rows",),
            help="rows of the input, evenly spread, that the checks vary; the basic batch "
            "prediction takes them all",
            minimum=2,
            maximum=1_000_000,
        ),
    ] = 200
    keep_datasets: Annotated[
        Path | None,
        Flag(
            names=("--keep-datasets",),
            help="write the inputs that a check failed on into this folder, and name them",
            metavar="DIR",
        ),
    ] = None
    exit_zero: Annotated[
        bool,
        Flag(
            names=("--exit-zero",),
            help="end with status 0 though checks have failed, as DRUM does",
        ),
    ] = False
    sparse_column_file: Annotated[
        Path | None,
        Flag(
            names=("--sparse-column-file",),
            help="the column names of a Matrix Market input (.mtx), one a line",
            path="file",
        ),
    ] = None

    def __post_init__(self) -> None:
        PredictingOptions.__post_init__(self)
        if both := [check.value for check in self.only if check in self.skip]:
            raise OptionConflictError(f"--only and --skip both name {', '.join(both)}.")
        if set(self.skip) == set(ValidationCheck):
            raise OptionConflictError("--skip leaves no check to run.")

    def checks(self) -> tuple[ValidationCheck, ...]:
        """Those to run, in the order of the report."""
        wanted = self.only or tuple(ValidationCheck)
        return tuple(
            check for check in ValidationCheck if check in wanted and check not in self.skip
        )
