"""Keras models: `.keras` and `.h5` files."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from drum_core.errors import ArtifactError
from tests.frameworks.iris import SOME, X, predictor, scored
from tests.model_folders import BINARY, MULTICLASS, MULTILABEL, REGRESSION, make_folder

if find_spec("keras") is None or not any(map(find_spec, ("tensorflow", "torch", "jax"))):
    pytest.skip("Keras is not installed, or none of its backends is", allow_module_level=True)
importlib.import_module("drum_core.backends.artifacts.keras")  # which chooses the backend
keras = importlib.import_module("keras")

pytestmark = [
    # Keras on PyTorch, with NumPy 2, whenever it copies a tensor.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]


def network(outputs: int, activation: str) -> object:
    """A small trained network."""
    keras.utils.set_random_seed(5)
    layers = [keras.layers.Input((4,)), keras.layers.Dense(outputs, activation=activation)]
    return keras.Sequential(layers)


def saved(path: Path, model: object, metadata: str, name: str = "model.keras") -> Path:
    """A folder with the model as Keras saves it."""
    assert isinstance(model, keras.Model)
    folder = make_folder(path, metadata=metadata)
    lower = folder / name.lower()
    model.save(lower)
    lower.rename(folder / name)
    return folder


def expected(model: object) -> np.ndarray:
    """What the model gives for the rows when it is called directly."""
    assert isinstance(model, keras.Model)
    return np.asarray(model.predict(SOME.to_numpy("float32"), verbose=0))


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.H5", "model.Keras"])
def test_one_number(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A model with one output gives the column Predictions, and prints no progress bar."""
    model = network(1, "linear")
    folder = saved(tmp_path / "m", model, REGRESSION, name)
    capfd.readouterr()
    assert np.array_equal(scored(folder, SOME)["Predictions"], expected(model)[:, 0])
    assert capfd.readouterr().out == ""
    assert predictor(folder) == "keras"


def test_classes(tmp_path: Path) -> None:
    """One output is the positive class's probability; of two the first is the negative class."""
    one, two, three = network(1, "sigmoid"), network(2, "softmax"), network(3, "softmax")
    frame = scored(saved(tmp_path / "m", one, BINARY), SOME)
    assert np.array_equal(frame["yes"], expected(one)[:, 0].astype(float))
    frame = scored(saved(tmp_path / "n", two, BINARY), SOME)
    assert np.array_equal(frame[["no", "yes"]], expected(two).astype(float))
    frame = scored(saved(tmp_path / "o", three, MULTICLASS), SOME)
    assert np.array_equal(frame, expected(three).astype(float))
    each = network(3, "sigmoid")
    frame = scored(saved(tmp_path / "p", each, MULTILABEL), SOME)
    assert np.array_equal(frame, expected(each).astype(float))


def test_inputs_by_name(tmp_path: Path) -> None:
    """A model with several inputs gets the column of each name."""
    inputs = [keras.layers.Input((1,), name=name) for name in ("b", "a")]
    both = keras.layers.Subtract()(inputs)
    folder = saved(tmp_path / "m", keras.Model(inputs, both), REGRESSION)
    frame = scored(folder, pd.DataFrame({"a": [1, 2], "b": [10, 20], "c": [0, 0]}))
    assert frame["Predictions"].tolist() == [9, 18]


def test_class_in_custom_py(tmp_path: Path) -> None:
    """A layer that custom.py registers is found when the model is read."""
    custom = """
        import keras

        @keras.saving.register_keras_serializable(package="folder")
        class Twice(keras.layers.Layer):
            def call(self, rows):
                return rows * 2
    """
    folder = make_folder(tmp_path / "m", custom=custom)
    made: dict[str, type] = {}
    exec((folder / "custom.py").read_text(), made)
    model = keras.Sequential([keras.layers.Input((1,)), made["Twice"]()])
    model.save(folder / "model.keras")
    keras.saving.get_custom_objects().clear()
    assert scored(folder, pd.DataFrame({"x": [1, 2]}))["Predictions"].tolist() == [2, 4]


def test_pipeline_that_ends_in_one(tmp_path: Path) -> None:
    """A scikit-learn pipeline prepares the rows, then the model predicts on them."""
    model = network(3, "softmax")
    scaler = StandardScaler().fit(X)
    folder = make_folder(tmp_path / "m", metadata=MULTICLASS, artifact=make_pipeline(scaler, model))
    assert isinstance(model, keras.Model)
    answer = model.predict(scaler.transform(SOME).astype("float32"), verbose=0)
    assert np.array_equal(scored(folder, SOME.iloc[:, ::-1]), answer.astype(float))
    assert predictor(folder) == "keras"


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
@pytest.mark.parametrize("content", [b"", b"something else", "cut", "weights"])
def test_broken_file(tmp_path: Path, name: str, content: bytes | str) -> None:
    """A file that is cut short, or has no whole model, names the file and what was expected."""
    model = network(1, "linear")
    folder = saved(tmp_path / "m", model, REGRESSION, name)
    path = folder / name
    if content == "weights":
        assert isinstance(model, keras.Model)
        model.save_weights(tmp_path / "a.weights.h5")
        content = (tmp_path / "a.weights.h5").read_bytes()
    path.write_bytes(path.read_bytes()[:700] if isinstance(content, str) else content)
    with pytest.raises(ArtifactError, match=rf"{name}.*Expected a whole model that Keras") as error:
        scored(folder, SOME)
    assert "File not found" not in str(error.value)
