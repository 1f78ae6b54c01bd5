"""ONNX graphs: converted from scikit-learn, and written by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LinearRegression, LogisticRegression

from drum_core.errors import ArtifactError, InputError
from tests.frameworks.iris import IS_FIRST, LENGTH, NAME, NUMBER, SOME, X, predictor, scored
from tests.model_folders import ANOMALY, BINARY, MULTICLASS, MULTILABEL, REGRESSION, make_folder

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

ROWS = np.ascontiguousarray(SOME.to_numpy(), dtype=np.float32)
OTHER_ORDER = """\
name: iris
type: inference
targetType: multiclass
inferenceModel:
  classLabels:
    - virginica
    - setosa
    - versicolor
"""


def converted(path: Path, model: object, metadata: str, **options: object) -> Path:
    """A folder with a scikit-learn model as ONNX."""
    skl2onnx = pytest.importorskip("skl2onnx")
    folder = make_folder(path, metadata=metadata)
    graph = skl2onnx.to_onnx(model, X.to_numpy(np.float32)[:1], **options)
    (folder / "model.onnx").write_bytes(graph.SerializeToString())
    return folder


def by_hand(path: Path, metadata: str, *, outputs: list[object], **graph: list[object]) -> Path:
    """A folder with a graph of the nodes, inputs and outputs that are given."""
    folder = make_folder(path, metadata=metadata)
    made = onnx.helper.make_graph(graph["nodes"], "g", graph["inputs"], outputs)
    model = onnx.helper.make_model(
        made, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
    )
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder


def value(name: str, kind: str = "FLOAT", columns: int | None = 1) -> object:
    """A value of a graph: a matrix with as many columns, or a vector."""
    shape = [None] if columns is None else [None, columns]
    return onnx.helper.make_tensor_value_info(name, getattr(onnx.TensorProto, kind), shape)


def direct(folder: Path, output: int) -> pd.DataFrame:
    """What ONNX Runtime gives when it is called directly, as a table."""
    path = str(folder / "model.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return pd.DataFrame(session.run(None, {session.get_inputs()[0].name: ROWS})[output])


def test_regression(tmp_path: Path) -> None:
    """A graph with one output gives the column Predictions."""
    folder = converted(tmp_path / "m", LinearRegression().fit(X.to_numpy(), LENGTH), REGRESSION)
    assert np.array_equal(scored(folder, SOME), direct(folder, 0))
    assert predictor(folder) == "onnx"


def test_anomaly(tmp_path: Path) -> None:
    """A graph with several outputs gives the first, where there are no classes."""
    model = IsolationForest(n_estimators=5, random_state=0).fit(X.to_numpy())
    folder = converted(tmp_path / "m", model, ANOMALY, target_opset={"": 15, "ai.onnx.ml": 3})
    assert set(scored(folder, SOME)["Predictions"]) <= {-1, 1}


@pytest.mark.parametrize("zipmap", [True, False])
def test_classes(tmp_path: Path, zipmap: bool) -> None:
    """Of a classifier's outputs the probabilities are used, as a matrix or as dictionaries."""
    options = {"zipmap": zipmap}
    model = LogisticRegression(max_iter=500).fit(X.to_numpy(), NAME)
    folder = converted(tmp_path / "m", model, MULTICLASS, options=options)
    answer = direct(folder, 1)
    assert ("setosa" in answer.columns) is zipmap
    frame = scored(folder, SOME)
    assert list(frame.columns) == ["setosa", "versicolor", "virginica"]
    assert np.array_equal(frame, answer.astype(float))
    model = LogisticRegression().fit(X.to_numpy(), IS_FIRST)
    folder = converted(tmp_path / "n", model, BINARY, options=options)
    assert np.array_equal(scored(folder, SOME)[["no", "yes"]], direct(folder, 1).astype(float))


def test_dictionaries_are_put_in_order(tmp_path: Path) -> None:
    """Where the answer names its columns by the labels, their order in the metadata is no matter;
    where it does not, they are in the order of the metadata.
    """
    model = LogisticRegression(max_iter=500).fit(X.to_numpy(), NAME)
    named = converted(tmp_path / "m", model, OTHER_ORDER)
    expected = direct(named, 1)
    frame = scored(named, SOME)
    assert list(frame.columns) == ["virginica", "setosa", "versicolor"]
    assert np.array_equal(frame["setosa"], expected["setosa"])
    numbered = LogisticRegression(max_iter=500).fit(X.to_numpy(), NUMBER)
    frame = scored(converted(tmp_path / "n", numbered, MULTICLASS), SOME)
    assert np.allclose(frame["setosa"], expected["setosa"], atol=1e-6)


def test_multilabel(tmp_path: Path) -> None:
    """A graph with one output gives a column for each label."""
    folder = by_hand(
        tmp_path / "m",
        MULTILABEL,
        nodes=[onnx.helper.make_node("Sigmoid", ["x"], ["y"])],
        inputs=[value("x", columns=3)],
        outputs=[value("y", columns=3)],
    )
    frame = scored(folder, pd.DataFrame({"a": [0.0], "b": [2.0], "c": [-2.0]}))
    assert frame["setosa"].tolist() == [0.5]
    assert frame["versicolor"][0] > 0.8 > 0.2 > frame["virginica"][0]


def test_inputs_by_column(tmp_path: Path) -> None:
    """A graph with several inputs gets a column each, by name, in the type it declares."""
    folder = by_hand(
        tmp_path / "m",
        REGRESSION,
        nodes=[
            onnx.helper.make_node("Cast", ["unit_price"], ["price"], to=onnx.TensorProto.DOUBLE),
            onnx.helper.make_node("Mul", ["count", "price"], ["y"]),
        ],
        inputs=[value("unit_price", "INT64"), value("count", "DOUBLE")],
        outputs=[value("y", "DOUBLE")],
    )
    frame = scored(folder, pd.DataFrame({"count": [1, 2], "x": [0, 0], "unit price": [10, 20]}))
    assert frame["Predictions"].tolist() == [10, 40]
    with pytest.raises(InputError, match=r"needs the columns 'unit_price', 'count'.*lacks 'count'"):
        scored(folder, pd.DataFrame({"unit price": [1]}))


def test_input_of_one_dimension_and_of_texts(tmp_path: Path) -> None:
    """A vector gets a vector, and texts stay texts."""
    folder = by_hand(
        tmp_path / "m",
        REGRESSION,
        nodes=[
            onnx.helper.make_node(
                "LabelEncoder",
                ["colour"],
                ["y"],
                domain="ai.onnx.ml",
                keys_strings=["red", "blue"],
                values_floats=[1.0, 2.0],
            )
        ],
        inputs=[value("colour", "STRING", columns=None)],
        outputs=[value("y", columns=None)],
    )
    graph = onnx.load(folder / "model.onnx")
    graph.opset_import.append(onnx.helper.make_opsetid("ai.onnx.ml", 2))
    onnx.save(graph, folder / "model.onnx")
    frame = scored(folder, pd.DataFrame({"c": ["blue", "red"], "d": ["", ""]})[["c"]])
    assert frame["Predictions"].tolist() == [2, 1]


@pytest.mark.parametrize("content", [b"", b"something else", None])
def test_broken_file(tmp_path: Path, content: bytes | None) -> None:
    """A file that is cut short or is something else names the file and what was expected."""
    folder = converted(tmp_path / "m", LinearRegression().fit(X.to_numpy(), LENGTH), REGRESSION)
    path = folder / "model.onnx"
    path.write_bytes(path.read_bytes()[:150] if content is None else content)
    with pytest.raises(ArtifactError, match=r"model\.onnx.*Expected an ONNX graph"):
        scored(folder, SOME)
