"""ONNX graphs, run by ONNX Runtime."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import onnxruntime

from drum_core.backends.artifacts import Artifact
from drum_core.backends.artifacts.numbers import in_order_of_labels, matrix
from drum_core.backends.artifacts.reading import explained
from drum_core.errors import PredictionError
from drum_core.model.target import ClassTarget, TableTarget

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["adapt", "read_model"]

_KINDS: Final = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
    "tensor(string)": "str",
}
"""What NumPy calls the types of inputs; any other is given float32."""


def read_model(path: Path) -> object:
    """A session of the graph in a `.onnx` file. Raises `ArtifactError`."""
    return explained(path, _read, "an ONNX graph")


def adapt(session: object, target: TableTarget) -> Artifact:
    """The graph as an artifact: one input takes the whole table, several one column each.

    It reports no labels; where its answer names its columns by the labels, they are put in order.
    """
    assert isinstance(session, onnxruntime.InferenceSession)
    inputs = session.get_inputs()
    output = _output([output.name for output in session.get_outputs()], target)
    feed = _one_input(inputs[0]) if len(inputs) == 1 else _inputs_by_column(inputs)

    def predict(data: object) -> object:
        answer = session.run([output], feed(data))[0]
        return _columns(answer, target)

    return Artifact(
        framework="onnx",
        predict=predict,
        features=tuple(one.name for one in inputs) if len(inputs) > 1 else None,
        spelled=_spelled,
    )


def _read(path: Path) -> object:
    providers = onnxruntime.get_available_providers()
    return onnxruntime.InferenceSession(str(path), providers=providers)


def _spelled(name: str) -> str:
    """Converters name an input after a column with an underscore for all but letters, digits."""
    return re.sub(r"[^0-9A-Za-z_]", "_", name)


def _output(names: Sequence[str], target: TableTarget) -> str:
    """The output with predictions: for classes the first that is called probabilities."""
    if isinstance(target, ClassTarget):
        return next((name for name in names if "prob" in name.lower()), names[0])
    return names[0]


def _one_input(one: onnxruntime.NodeArg) -> Callable[[object], dict[str, object]]:
    def feed(data: object) -> dict[str, object]:
        return {one.name: _array(data, one)}

    return feed


def _inputs_by_column(
    inputs: Sequence[onnxruntime.NodeArg],
) -> Callable[[object], dict[str, object]]:
    def feed(data: object) -> dict[str, object]:
        import pandas as pd

        if isinstance(data, Mapping):
            return {str(name): value for name, value in data.items()}
        if not isinstance(data, pd.DataFrame):
            raise PredictionError(
                f"The ONNX graph has {len(inputs)} inputs; expected a table with a column for "
                f"each, or a dictionary, got {type(data).__name__}."
            )
        return {one.name: _array(data.iloc[:, [place]], one) for place, one in enumerate(inputs)}

    return feed


def _array(data: object, one: onnxruntime.NodeArg) -> object:
    """What an input is given: the type it declares, and one dimension where it declares one."""
    import numpy as np
    import pandas as pd

    kind = _KINDS.get(one.type, "float32")
    if isinstance(data, pd.DataFrame):
        array = matrix(data, kind)
    elif isinstance(data, np.ndarray):
        array = data.astype(kind)
    else:
        return data
    if kind == "str":
        array = array.astype(object)
    return array.reshape(-1) if len(one.shape or ()) == 1 and array.ndim > 1 else array


def _columns(answer: object, target: TableTarget) -> object:
    """A matrix, also of what a zipmap gives: a dictionary of labels for each row."""
    import numpy as np

    if not isinstance(answer, list) or not answer:
        return answer
    if isinstance(answer[0], dict):
        names = list(answer[0])
        values = np.array([[row[name] for name in names] for row in answer])
        return in_order_of_labels(values, names, target)
    return _last_columns(answer)


def _last_columns(answers: Sequence[NDArray[np.generic]]) -> object:
    """For several outputs of two classes each: how probable the second is."""
    import numpy as np

    return np.column_stack([np.asarray(answer)[:, -1] for answer in answers])
