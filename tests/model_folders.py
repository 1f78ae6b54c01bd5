"""Makes small, real model folders for tests."""

from __future__ import annotations

import pickle
import textwrap
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression

REGRESSION = "name: doubled\ntype: inference\ntargetType: regression\n"
BINARY = """\
name: yes or no
type: inference
targetType: binary
inferenceModel:
  positiveClassLabel: yes
  negativeClassLabel: no
"""
MULTICLASS = """\
name: iris
type: inference
targetType: multiclass
inferenceModel:
  classLabels:
    - setosa
    - versicolor
    - virginica
"""
MULTILABEL = MULTICLASS.replace("multiclass", "multilabel")
ANOMALY = REGRESSION.replace("regression", "anomaly")

DOUBLE = """\
import pandas as pd

def load_model(code_dir):
    return 2

def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": data["x"] * model})
"""
"""A custom.py that predicts twice the column x."""


def make_folder(
    path: Path,
    *,
    metadata: str | None = REGRESSION,
    custom: str | None = None,
    artifact: object = None,
    artifact_name: str = "model.pkl",
) -> Path:
    """A folder at `path` with what is given; returns the path."""
    path.mkdir(parents=True, exist_ok=True)
    if metadata is not None:
        (path / "model-metadata.yaml").write_text(metadata, encoding="utf-8")
    if custom is not None:
        (path / "custom.py").write_text(textwrap.dedent(custom), encoding="utf-8")
    if artifact is not None:
        (path / artifact_name).write_bytes(pickle.dumps(artifact))
    return path


def linear_model() -> LinearRegression:
    """y = 3 a + b, trained on the named columns a and b."""
    import pandas as pd

    frame = pd.DataFrame({"a": [0.0, 1.0, 0.0, 2.0], "b": [0.0, 0.0, 1.0, 5.0]})
    return LinearRegression().fit(frame, 3 * frame["a"] + frame["b"])


def binary_model(labels: tuple[object, object] = ("no", "yes")) -> LogisticRegression:
    """Positive when x is, trained on the column x."""
    import pandas as pd

    frame = pd.DataFrame({"x": [-2.0, -1.0, 1.0, 2.0]})
    return LogisticRegression().fit(frame, np.array([labels[0]] * 2 + [labels[1]] * 2))


def iris_model() -> LogisticRegression:
    """The iris data with the names of the species as classes."""
    iris = load_iris(as_frame=True)
    names = np.array(iris.target_names)[iris.target]
    return LogisticRegression(max_iter=1000).fit(iris.data, names)


def iris_rows(count: int = 5) -> str:
    """The first rows of the iris data as CSV, without the target."""
    text: str = load_iris(as_frame=True).data.head(count).to_csv(index=False)
    return text
