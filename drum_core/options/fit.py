"""The options of `drum fit`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Final

from drum_core.errors import OptionConflictError, OptionError
from drum_core.options.base import ModelOptions
from drum_core.options.choices import RunMode
from drum_core.options.flag import Flag
from drum_core.options.report import ReportOptions

__all__ = ["FitOptions"]

_ALL: Final = "ALL"


@dataclass(frozen=True, kw_only=True)
class FitOptions(ReportOptions, ModelOptions):
    """Trains a model with the folder's code, and makes a folder that can be scored and served."""

    run_mode: ClassVar[RunMode] = RunMode.FIT

    input: Annotated[
        Path, Flag(names=("--input",), help="the data to train on", required=True, path="file")
    ]
    output: Annotated[
        Path | None,
        Flag(
            names=("--output",),
            help="the folder to make, empty or not there yet, which appears whole or not at all; "
            "without it the model is fitted, tried and forgotten",
            metavar="DIR",
        ),
    ] = None
    target: Annotated[
        str | None,
        Flag(names=("--target",), help="the column of the input to predict", metavar="COLUMN"),
    ] = None
    target_csv: Annotated[
        Path | None,
        Flag(
            names=("--target-csv",),
            help="a file whose first column is the target, in the order of the input",
            path="file",
        ),
    ] = None
    row_weights: Annotated[
        str | None,
        Flag(
            names=("--row-weights",),
            help="the column of the input that says how much each row counts",
            metavar="COLUMN",
        ),
    ] = None
    row_weights_csv: Annotated[
        Path | None,
        Flag(
            names=("--row-weights-csv",),
            help="a file whose first column says how much each row counts",
            path="file",
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
    parameter_file: Annotated[
        Path | None,
        Flag(
            names=("--parameter-file",),
            help="JSON with values of the hyperparameters; without it their defaults are used",
            path="file",
        ),
    ] = None
    num_rows: Annotated[
        int | str,
        Flag(
            names=("--num-rows",),
            help="how many rows, picked at random but always the same, to train on",
            minimum=1,
        ),
    ] = _ALL
    skip_predict: Annotated[
        bool,
        Flag(
            names=("--skip-predict",),
            env="SKIP_PREDICT",
            help="do not serve the fitted model to try its predictions",
        ),
    ] = False
    allow_different_predictions: Annotated[
        bool,
        Flag(
            names=("--allow-different-predictions",),
            help="exit with 0 also when the fitted model predicts differently the second time",
        ),
    ] = False
    disable_strict_validation: Annotated[
        bool,
        Flag(
            names=("--disable-strict-validation",),
            help="only log what does not fit the typeSchema of model-metadata.yaml",
        ),
    ] = False
    enable_fit_metadata: Annotated[
        bool,
        Flag(
            names=("--enable-fit-metadata",),
            help="write fit_runtime_data.json, with the memory used, into the output",
        ),
    ] = False

    def __post_init__(self) -> None:
        ModelOptions.__post_init__(self)
        if self.target is not None and self.target_csv is not None:
            raise OptionConflictError(
                "--target and --target-csv say the same thing: give one of them."
            )
        if self.row_weights is not None and self.row_weights_csv is not None:
            raise OptionConflictError(
                "--row-weights and --row-weights-csv say the same thing: give one of them."
            )
        object.__setattr__(self, "num_rows", self._rows())

    @property
    def most_rows(self) -> int | None:
        """How many rows to train on; `None` for all."""
        return self.num_rows if isinstance(self.num_rows, int) else None

    def _rows(self) -> int | str:
        """`ALL`, in any case, or a number, which the command line gives as text."""
        given = self.num_rows
        if isinstance(given, int):
            return given
        if given.strip().upper() == _ALL:
            return _ALL
        if given.strip().isdecimal() and int(given) > 0:
            return int(given)
        label = self.sources.get("num_rows", "num_rows")
        raise OptionError(label, given, f"{_ALL} or a whole number of at least 1")
