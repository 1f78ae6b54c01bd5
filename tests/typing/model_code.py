"""How the author of custom.py uses `drum_core.user`; read by type checkers only."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from typing_extensions import assert_type

from drum_core.user import (
    ApiTokenSecret,
    BinaryEstimatorInterface,
    RuntimeParameters,
    Secret,
    UserHTTPError,
    user_secrets,
)

assert_type(RuntimeParameters.get("p"), object)
assert_type(RuntimeParameters.has("p"), bool)
assert_type(RuntimeParameters.get_str("p"), str)
assert_type(RuntimeParameters.get_str("p", "x"), str)
assert_type(RuntimeParameters.get_str("p", None), str | None)
assert_type(RuntimeParameters.get_float("p", 0.5), float)
assert_type(RuntimeParameters.get_int("p", None), int | None)
assert_type(RuntimeParameters.get_bool("p"), bool)
assert_type(RuntimeParameters.get_credential("p"), Mapping[str, object])
assert_type(RuntimeParameters.get_secret("p", ApiTokenSecret), ApiTokenSecret)
assert_type(user_secrets(), Mapping[str, Secret])


class CustomTask(BinaryEstimatorInterface):
    p: float

    def fit(
        self,
        X: pd.DataFrame,
        y: pd.Series[float],
        parameters: Mapping[str, object] | None = None,
        row_weights: pd.Series[float] | None = None,
        **kwargs: object,
    ) -> CustomTask:
        self.p = float(y.mean())
        return self

    def predict_proba(self, X: pd.DataFrame, **kwargs: object) -> pd.DataFrame:
        if X.empty:
            raise UserHTTPError("no rows", 422)
        return pd.DataFrame({"no": [1 - self.p] * len(X), "yes": [self.p] * len(X)})


assert_type(CustomTask.load("folder"), CustomTask)
assert_type(CustomTask().secrets, Mapping[str, Secret])
