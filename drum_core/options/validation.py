"""The options of `drum validation`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from drum_core.options.base import PredictingOptions
from drum_core.options.choices import RunMode
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
