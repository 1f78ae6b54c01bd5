"""Model folders of MLflow, by their flavour `python_function`."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drum_core.backends.artifacts import Artifact
from drum_core.backends.artifacts.choice import adapted
from drum_core.backends.artifacts.numbers import in_order_of_labels
from drum_core.backends.artifacts.reading import explained
from drum_core.environment import environment, exported
from drum_core.model.target import ClassTarget, TableTarget

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame

_TELEMETRY: Final = "MLFLOW_DISABLE_TELEMETRY"
_SILENCE: Final = {} if _TELEMETRY in environment() else {_TELEMETRY: "true"}

# MLflow decides when it is imported whether to report its use to its makers. A runtime does not
# report the use of a model to anybody it was not told to. It also warns about its own type hints.
with warnings.catch_warnings(), exported(_SILENCE):
    warnings.simplefilter("ignore")
    import mlflow.exceptions
    import mlflow.pyfunc

__all__ = ["adapt", "read_model"]


def read_model(path: Path) -> object:
    """The model of the folder that has this `MLmodel` file. Raises `ArtifactError`."""
    return explained(path, _read, "the MLmodel file of a folder with a python_function flavour")


def adapt(model: object, target: TableTarget) -> Artifact:
    """The folder's `predict`; for classes, the probabilities of the classifier behind it.

    A python_function of a classifier predicts class names as a rule, which are no probabilities.
    """
    assert isinstance(model, mlflow.pyfunc.PyFuncModel)
    if isinstance(target, ClassTarget):
        raw = _raw(model)
        inner = adapted(raw, target) if hasattr(raw, "predict_proba") else None
        if inner is not None:
            return dataclasses.replace(inner, framework="mlflow")
    kinds = _columns(model)

    def predict(data: object) -> object:
        import pandas as pd

        given = _with_kinds(data, kinds) if isinstance(data, pd.DataFrame) else data
        return _array(model.predict(given), target)

    return Artifact(framework="mlflow", predict=predict, features=tuple(kinds) or None)


def _read(path: Path) -> object:
    return mlflow.pyfunc.load_model(str(path.parent))


def _raw(model: mlflow.pyfunc.PyFuncModel) -> object:
    try:
        return model.get_raw_model()
    except NotImplementedError:
        return None


def _columns(model: mlflow.pyfunc.PyFuncModel) -> dict[str, str]:
    """The columns of the signature with NumPy's names of their types.

    Empty without a signature, and when some are optional: then MLflow picks them itself.
    """
    schema = model.metadata.get_input_schema()
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        return {}
    if len(schema.required_input_names()) < len(schema.input_names()):
        return {}
    try:
        types = schema.numpy_types()
    except mlflow.exceptions.MlflowException:  # arrays or objects: MLflow checks them itself
        return {}
    return dict(zip(schema.input_names(), map(str, types), strict=True))


def _with_kinds(frame: DataFrame, kinds: dict[str, str]) -> DataFrame:
    """Numbers in the types of the signature, where no digit is lost.

    A CSV file has only whole numbers and doubles; MLflow takes neither for the other.
    """
    changes = {name: kind for name, kind in kinds.items() if _fits(frame[name].to_numpy(), kind)}
    return frame.astype(changes)


def _fits(found: NDArray[np.generic], kind: str) -> bool:
    """Whether the numbers of a column can be of that kind."""
    import numpy as np

    if found.dtype.kind not in "iuf" or not kind.startswith(("int", "float")):
        return False
    if kind.startswith("float"):
        return True
    return found.dtype.kind != "f" and bool(np.array_equal(found.astype(kind), found))


def _array(answer: object, target: TableTarget) -> object:
    import numpy as np
    import pandas as pd

    if isinstance(answer, pd.DataFrame):
        return in_order_of_labels(answer.to_numpy(), list(answer.columns), target)
    if isinstance(answer, (pd.Series, list)):
        return np.asarray(answer)
    return answer
