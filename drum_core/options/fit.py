"""The options of `drum fit`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from drum_core.options.base import ModelOptions
from drum_core.options.choices import RunMode
from drum_core.options.flag import Flag
from drum_core.options.report import ReportOptions

__all__ = ["FitOptions"]


@dataclass(frozen=True, kw_only=True)
class FitOptions(ReportOptions, ModelOptions):
    """Trains a model with the folder's code, and makes a folder that can be scored and served."""

    run_mode: ClassVar[RunMode] = RunMode.FIT

    input: Annotated[
        Path, Flag(names=("--input",), help="the data to train on", required=True, path="file")
    ]
