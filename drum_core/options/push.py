"""The options of `drum push`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from drum_core.options.base import ModelOptions
from drum_core.options.choices import RunMode
from drum_core.options.flag import Flag
from drum_core.options.report import ReportOptions

__all__ = ["PushOptions"]


@dataclass(frozen=True, kw_only=True)
class PushOptions(ReportOptions, ModelOptions):
    """Checks a model, and uploads it to DataRobot."""

    run_mode: ClassVar[RunMode] = RunMode.PUSH

    dry_run: Annotated[
        bool,
        Flag(
            names=("--dry-run",),
            help="print what would be sent, run nothing and contact nobody",
        ),
    ] = False
    disable_strict_validation: Annotated[
        bool,
        Flag(
            names=("--disable-strict-validation",),
            help="training: only log where the data do not fit the typeSchema",
        ),
    ] = False
    enable_fit_metadata: Annotated[
        bool,
        Flag(
            names=("--enable-fit-metadata",),
            help="training: measure the memory of training and prediction",
        ),
    ] = False
