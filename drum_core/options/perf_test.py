"""The options of `drum perf-test`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from drum_core.options.base import PredictingOptions
from drum_core.options.choices import RunMode
from drum_core.options.flag import Flag
from drum_core.options.report import ReportOptions

__all__ = ["PerfTestOptions"]


@dataclass(frozen=True, kw_only=True)
class PerfTestOptions(ReportOptions, PredictingOptions):
    """Measures a model under load, on the server that it would run on."""

    run_mode: ClassVar[RunMode] = RunMode.PERF_TEST

    input: Annotated[
        Path,
        Flag(
            names=("--input",),
            help="the rows to send",
            required=True,
            path="file",
        ),
    ]
