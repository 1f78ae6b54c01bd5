"""Keras 3 models, on whichever of its backends is installed."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from drum_core.backends.artifacts import Artifact
from drum_core.backends.artifacts.numbers import matrix
from drum_core.backends.artifacts.reading import explained
from drum_core.environment import environment, exported
from drum_core.errors import ArtifactError
from drum_core.model.target import TableTarget

__all__ = ["adapt", "read_model"]

_BACKENDS: Final = ("tensorflow", "torch", "jax")
_CHOICE: Final = "KERAS_BACKEND"


def _backend() -> dict[str, str]:
    """The backend as a variable, unless the user has set it, or Keras is missing anyway."""
    if _CHOICE in environment() or find_spec("keras") is None:
        return {}
    for name in _BACKENDS:
        if find_spec(name) is not None:
            return {_CHOICE: name}
    raise ArtifactError(
        f"Keras computes with one of {', '.join(_BACKENDS)}, and none of them is installed. "
        "Install one, for example with: pip install torch"
    )


# Keras reads the variable once, when it is imported, and fails where that backend is missing.
with exported(_backend()):
    import keras


def read_model(path: Path) -> object:
    """The model in a `.keras` or `.h5` file, not compiled. Raises `ArtifactError`."""
    return explained(path, _read, "a whole model that Keras's save wrote")


def adapt(model: object, target: TableTarget) -> Artifact:
    """The model as an artifact, by its `predict` whatever the target; it reports no labels."""
    assert isinstance(model, keras.Model)
    return Artifact(framework="keras", predict=_predict(model))


def _read(path: Path) -> object:
    kind = path.suffix.lower()
    if kind == ".keras" and not zipfile.is_zipfile(path):
        raise ValueError("it is not a zip archive")
    if path.suffix == kind:
        return _load(path)
    with tempfile.TemporaryDirectory() as folder:  # Keras takes extensions in lower case only
        link = Path(folder, f"model{kind}")
        link.symlink_to(path.resolve())
        return _load(link)


def _load(path: Path) -> object:
    # The folder may run any code anyway, so code in the model is no further danger.
    return keras.saving.load_model(path, compile=False, safe_mode=False)


def _predict(model: keras.Model) -> Callable[[object], object]:
    inputs = [tensor.name for tensor in getattr(model, "inputs", None) or ()]

    def predict(data: object) -> object:
        import pandas as pd

        if isinstance(data, pd.DataFrame):
            if len(inputs) > 1 and set(inputs) <= set(data.columns):
                data = {name: matrix(data[[name]], "float32") for name in inputs}
            else:
                data = matrix(data, "float32")
        return model.predict(data, verbose=0)  # a progress bar would go to stdout

    return predict
