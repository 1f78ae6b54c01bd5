"""The iris data as every test of a framework uses them, and the way through a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.datasets import load_iris

from drum_core import CMRunner, DrumRuntime, ScoreOptions
from drum_core.backends.python import load
from drum_core.model.folder import open_folder
from drum_core.model.target import resolve_target
from drum_core.worker import LocalWorker

if TYPE_CHECKING:
    from numpy.typing import NDArray

_IRIS = load_iris(as_frame=True)

X: pd.DataFrame = _IRIS.data.iloc[::3].reset_index(drop=True)
NUMBER: pd.Series[int] = _IRIS.target.iloc[::3].reset_index(drop=True)
NAME: NDArray[np.str_] = np.array(_IRIS.target_names)[NUMBER]
LENGTH: NDArray[np.float64] = (2 * X.iloc[:, 0] + X.iloc[:, 1]).to_numpy()
IS_FIRST: NDArray[np.int64] = (NUMBER == 0).to_numpy().astype(int)
LABELS = ("setosa", "versicolor", "virginica")
SOME: pd.DataFrame = X.iloc[::9].reset_index(drop=True)

NUMBERED = """\
name: iris by number
type: inference
targetType: multiclass
inferenceModel:
  classLabels:
    - 0
    - 1
    - 2
"""


def scored(folder: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """The predictions of the folder for the table, by way of a CSV file."""
    data = folder.parent / "input.csv"
    frame.to_csv(data, index=False)
    with DrumRuntime(ScoreOptions(code_dir=folder, input=data)) as runtime:
        return CMRunner(runtime).run().predictions


def predictor(folder: Path) -> str | None:
    """What runs the model of the folder, as `/info/` tells."""
    data = folder.parent / "input.csv"
    data.write_text("x\n1\n")
    options = ScoreOptions(code_dir=folder, input=data)
    found = open_folder(options)
    worker = LocalWorker()
    try:
        return load(found, resolve_target(options, found.metadata), worker).info.predictor
    finally:
        worker.close()
