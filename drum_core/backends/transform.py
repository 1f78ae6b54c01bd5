"""Transform models: the hook `transform`, or a scikit-learn transformer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from drum_core.backends.artifacts.columns import with_features
from drum_core.backends.prediction import read_data
from drum_core.data.payload import Payload
from drum_core.data.sparse import as_dense, from_cells, from_matrix, is_sparse
from drum_core.data.tables import read_table
from drum_core.errors import (
    ArtifactError,
    HookError,
    HookFailedError,
    InputError,
    PredictionError,
    UserHTTPError,
)
from drum_core.model.exchange import Transform, Transformed
from drum_core.model.hooks import Hook, Hooks

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["transform"]

_Apply: TypeAlias = "Callable[[object, DataFrame | None], object]"
"""Gives what the hook, or the transformer, makes of the data and the target."""


def transform(hooks: Hooks, model: object) -> Transform:
    """The transformation of tables. Raises `ArtifactError` when the object is no transformer."""
    hook = hooks.transform
    apply = _by_hook(hook, model) if hook is not None else _by_object(hooks, model)

    def answer(payload: Payload, target: Payload | None) -> Transformed:
        data = read_data(hooks, payload)
        given = read_table(target) if target is not None else None
        if hook is not None:
            _check_target(data, given)
        return _checked(apply(data, given), data, given)

    return answer


def _by_hook(hook: Hook, model: object) -> _Apply:
    if hook.takes(3):
        return lambda data, target: hook(data, model, target)
    if hook.takes(2):
        return lambda data, _target: hook(data, model)
    raise HookError(
        f"{hook.path}: the hook transform of a transform model takes the data, the model and, if "
        "it wants it, the target: transform(data, model) or transform(data, model, target)."
    )


def _by_object(hooks: Hooks, model: object) -> _Apply:
    apply = _sklearn_transform(model)
    if apply is None:
        hint = "".join(f" {sentence}" for sentence in hooks.near_misses)
        raise ArtifactError(
            "A transform model needs a scikit-learn transformer, or the hook transform(data, "
            f"model) in custom.py. The model in {hooks.code.folder} is a "
            f"{type(model).__qualname__} of the module {type(model).__module__}.{hint}"
        )

    def transformed(data: object, _target: DataFrame | None) -> object:
        try:
            return apply(data)
        except (InputError, UserHTTPError):
            raise
        except Exception as error:
            raise HookFailedError("The scikit-learn transformer", error) from error

    return transformed


def _sklearn_transform(model: object) -> Callable[[object], object] | None:
    """`transform` of a scikit-learn transformer; `None` for an object of another kind."""
    import pandas as pd

    if "sklearn" not in sys.modules:
        return None  # nobody can hold an object of a package that was never imported
    from sklearn.base import BaseEstimator

    function = getattr(model, "transform", None)
    if not isinstance(model, BaseEstimator) or not callable(function):
        return None
    names = getattr(model, "feature_names_in_", None)
    features = None if names is None else tuple(str(name) for name in names)

    def transform(data: object) -> object:
        if features is not None and isinstance(data, pd.DataFrame):
            data = with_features(data, features)
        return function(data)

    return transform


def _check_target(data: object, target: DataFrame | None) -> None:
    import pandas as pd

    if target is not None and isinstance(data, pd.DataFrame) and len(data) != len(target):
        raise InputError(
            f"The target y has {len(target)} rows, the data X have {len(data)}; expected as many."
        )


def _checked(returned: object, data: object, target: DataFrame | None) -> Transformed:
    """Raises `PredictionError` for what is no table of as many rows."""
    import numpy as np
    import pandas as pd

    if isinstance(returned, tuple):
        raise PredictionError(
            "Transformation of the target variable is not supported by DRUM. The hook transform "
            "must return one DataFrame, the transformed data."
        )
    table = returned if isinstance(returned, pd.DataFrame) else from_matrix(returned)
    if table is None and isinstance(returned, np.ndarray) and returned.ndim in (1, 2):
        table = pd.DataFrame(returned)
    if table is None:
        raise PredictionError(
            f"A transform must return a pandas DataFrame, got {type(returned).__name__}."
        )
    if isinstance(data, pd.DataFrame) and len(table) != len(data):
        raise PredictionError(
            f"A transform must return as many rows as it is given: {len(data)} rows in, "
            f"{len(table)} out."
        )
    if (cells := from_cells(table)) is not None:
        table = cells
    if is_sparse(table):
        return Transformed(table=table, sparse=True, target=target)
    return Transformed(table=as_dense(table), target=target)
