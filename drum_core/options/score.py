"""The options of `drum score`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from drum_core.options.choices import RunMode
from drum_core.options.flag import Flag
from drum_core.options.monitoring import MonitoredOptions

__all__ = ["ScoreOptions"]


@dataclass(frozen=True, kw_only=True)
class ScoreOptions(MonitoredOptions):
    """Predicts on a file and writes, or returns, the predictions."""

    run_mode: ClassVar[RunMode] = RunMode.SCORE

    input: Annotated[
        Path, Flag(names=("--input",), help="the data to score", required=True, path="file")
    ]
    output: Annotated[
        Path | None,
        Flag(
            names=("--output",),
            help="the file to write, which appears whole or not at all; "
            "without it the predictions are printed",
        ),
    ] = None
    sparse_column_file: Annotated[
        Path | None,
        Flag(
            names=("--sparse-column-file",),
            help="the column names of a Matrix Market input (.mtx), one a line",
            path="file",
        ),
    ] = None
    show_perf: Annotated[
        bool, Flag(names=("--show-perf",), help="show how long loading and scoring took")
    ] = False
