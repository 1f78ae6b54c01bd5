"""Folders that can be trained, and a way to train them in this process."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
from sklearn.datasets import load_iris

from drum_core import CMRunner, DrumRuntime, FitOptions, FitResult, ScoreOptions
from tests.model_folders import make_folder

LINEAR = """\
    import os, pickle
    from sklearn.linear_model import LinearRegression

    def fit(X, y, output_dir, **kwargs):
        with open(os.path.join(output_dir, "model.pkl"), "wb") as file:
            pickle.dump(LinearRegression().fit(X, y), file)
    """
CLASSIFIER = """\
    import os, pickle
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.linear_model import LogisticRegression

    def fit(X, y, output_dir, class_order=None, row_weights=None, **kwargs):
        model = make_pipeline(StandardScaler(), LogisticRegression())
        model.fit(X, y, logisticregression__sample_weight=row_weights)
        with open(os.path.join(output_dir, "artifact.pkl"), "wb") as file:
            pickle.dump(model, file)
    """
RECORDER = """\
    import json, os
    import pandas as pd

    def fit(X, y, output_dir, class_order, row_weights, parameters):
        told = {
            "X": {str(name): X[name].tolist() for name in X},
            "y": None if y is None else (y.to_dict("list") if y.ndim == 2 else y.tolist()),
            "y_name": getattr(y, "name", None),
            "class_order": class_order,
            "row_weights": None if row_weights is None else row_weights.tolist(),
            "parameters": parameters,
        }
        with open(os.path.join(output_dir, "told.json"), "w") as file:
            json.dump(told, file)

    def load_model(code_dir):
        return 0
    """
"""A hook that writes down what it is given."""

NUMBERS = "a,b,y\n1,2,5\n2,1,4\n3,5,13\n4,4,12\n5,9,23\n6,2,10\n"
"""y = a + 2 b."""


def training(kind: str, more: str = "") -> str:
    """The metadata of a task of this target type."""
    return f"name: task\ntype: training\ntargetType: {kind}\n{more}"


def rows_file(folder: Path, text: str = NUMBERS, name: str = "rows.csv") -> Path:
    """A file beside the model folder."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def iris() -> pd.DataFrame:
    """The iris data with a column `species` of names."""
    frame: pd.DataFrame = load_iris(as_frame=True).frame
    names = dict(enumerate(["setosa", "versicolor", "virginica"]))
    return frame.assign(species=frame.pop("target").map(names))


def task_folder(tmp_path: Path, custom: str, kind: str = "regression", more: str = "") -> Path:
    """A folder with this code and metadata of a task."""
    return make_folder(tmp_path / "task", metadata=training(kind, more), custom=custom)


def fit(folder: Path, **options: object) -> FitResult:
    """Trains the folder; without `input`, on `NUMBERS` with the target y; without a server."""
    if "input" not in options:
        options = {"input": rows_file(folder.parent), "target": "y", **options}
    options = {"skip_predict": True, "output": folder.parent / "out", **options}
    made = FitOptions(code_dir=folder, **options)  # type: ignore[arg-type]  # test data
    with DrumRuntime(made) as runtime:
        return CMRunner(runtime).run()


def score(folder: Path, rows: Path | str) -> pd.DataFrame:
    """The predictions of the folder, as it stands, for a file or a CSV text."""
    if isinstance(rows, str):
        rows = rows_file(folder.parent, rows, "scored.csv")
    with DrumRuntime(ScoreOptions(code_dir=folder, input=rows)) as runtime:
        return CMRunner(runtime).run().predictions


def csv(frame: pd.DataFrame) -> str:
    """A table as CSV."""
    text = io.StringIO()
    frame.to_csv(text, index=False)
    return text.getvalue()
