"""Models that there is nothing to say against, of every kind: no check may find anything."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from drum_core.options.choices import ValidationCheck as Check
from drum_core.results import CheckStatus
from tests.model_folders import ANOMALY, BINARY, MULTICLASS, MULTILABEL, REGRESSION, make_folder
from tests.validation.checked import names, validated, verdicts, with_status

TEXT: Final = """\
name: echo
type: inference
targetType: textgeneration
inferenceModel:
  targetName: reply
"""
TRANSFORM: Final = REGRESSION.replace("regression", "transform")
UNSTRUCTURED: Final = REGRESSION.replace("regression", "unstructured")
OF_TABLES: Final = {
    *(Check.ONE_ROW, Check.ROW_BY_ROW, Check.ROW_ORDER, Check.EQUAL_ROWS, Check.NULLS),
    *(Check.COLUMN_ORDER, Check.EXTRA_COLUMN, Check.MISSING_COLUMN, Check.UNSEEN_CATEGORY),
    *(Check.EMPTY_TEXT, Check.LONG_TEXT, Check.EXTREME_NUMBERS, Check.PROBABILITIES),
}


def _frame(rows: int = 24) -> pd.DataFrame:
    """Numbers, whole numbers, a code, categories, texts, dates, truth values, and holes."""
    random = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "income": random.normal(40000, 9000, rows).round(2),
            "age": random.integers(18, 90, rows),
            "grade": random.integers(1, 6, rows),
            "city": random.choice(["Oslo", "Rome", "Lima", "Graz"], rows),
            "plan": random.choice(["A1", "B2", "C3"], rows),
            "note": [f"text {n % 7} about {'much ' * (n % 3)}more" for n in range(rows)],
            "since": pd.date_range("2020-01-01", periods=rows).strftime("%Y-%m-%d"),
            "active": random.choice([True, False], rows),
        }
    )
    frame.loc[::9, "income"] = np.nan
    frame.loc[::11, "city"] = None
    return frame


def _pipeline(model: object, *, dense: bool = False) -> Pipeline:
    numbers = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    texts = make_pipeline(
        SimpleImputer(strategy="most_frequent", keep_empty_features=True),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    words = make_pipeline(FunctionTransformer(_as_texts), TfidfVectorizer(max_features=20))
    columns = ColumnTransformer(
        [
            ("numbers", numbers, ["income", "age", "grade"]),
            ("texts", texts, ["city", "plan"]),
            ("words", words, "note"),
        ],
        sparse_threshold=0.0 if dense else 0.3,
    )
    return Pipeline([("columns", columns), ("model", model)])


def _as_texts(column: pd.Series[str]) -> pd.Series[str]:
    return column.astype(object).fillna("").astype(str)


def _folder(path: Path, frame: pd.DataFrame, **made: object) -> Path:
    folder = make_folder(path, **made)  # type: ignore[arg-type]  # the callers give what fits
    frame.to_csv(folder / "input.csv", index=False)
    return folder


def regression(path: Path) -> Path:
    """A ridge after imputers, encoders and TF-IDF."""
    frame = _frame()
    model = _pipeline(Ridge()).fit(frame, frame["age"] * 3.0 + frame["grade"])
    return _folder(path, frame, artifact=model)


def trees(path: Path) -> Path:
    """Gradient boosting, as XGBoost and LightGBM do it: NaN is a value."""
    frame = _frame()
    numbers = ["income", "age", "grade"]
    model = HistGradientBoostingRegressor(max_iter=20).fit(frame[numbers], frame["age"] * 2.0)
    return _folder(path, frame, artifact=model)


def binary(path: Path) -> Path:
    """A logistic regression, given the target as well, as training data have it."""
    frame = _frame()
    target = np.where(frame["age"] > 50, "yes", "no")
    model = _pipeline(LogisticRegression()).fit(frame, target)
    return _folder(path, frame.assign(target=target), metadata=BINARY, artifact=model)


def multiclass(path: Path) -> Path:
    """A neural net, which adds in another order for one row than for many."""
    frame = _frame()
    target = np.array(["setosa", "versicolor", "virginica"])[frame["age"] % 3]
    net = MLPClassifier((64, 64), max_iter=30, random_state=0)
    with pytest.warns(match="Maximum iterations"):
        model = _pipeline(net, dense=True).fit(frame, target)
    return _folder(path, frame, metadata=MULTICLASS, artifact=model)


def forest(path: Path) -> Path:
    """A forest whose trees are asked in threads."""
    frame = _frame()
    target = np.array(["setosa", "versicolor", "virginica"])[frame["age"] % 3]
    model = _pipeline(RandomForestClassifier(4, n_jobs=2, random_state=0)).fit(frame, target)
    return _folder(path, frame, metadata=MULTICLASS, artifact=model)


def anomaly(path: Path) -> Path:
    """An isolation forest after an imputer."""
    frame = _frame()[["income", "age"]]
    model = make_pipeline(SimpleImputer(keep_empty_features=True), IsolationForest(n_estimators=10))
    return _folder(path, frame, metadata=ANOMALY, artifact=model.fit(frame))


def multilabel(path: Path) -> Path:
    """A hook with extra columns, of texts and of values that may be missing."""
    custom = """
    import numpy as np
    import pandas as pd
    LABELS = ["setosa", "versicolor", "virginica"]
    def load_model(code_dir):
        return 1
    def score(data, model, **kwargs):
        age = pd.to_numeric(data["age"]).fillna(50).clip(0, 100) / 100
        found = pd.DataFrame({name: age / (n + 1) for n, name in enumerate(LABELS)})
        found["reason"] = [None if value < 0.5 else "old" for value in age]
        found["reason"] = found["reason"].fillna("young")
        return found
    """
    return _folder(path, _frame(), metadata=MULTILABEL, custom=custom)


def float32(path: Path) -> Path:
    """A net of float32 with three wide layers, as torch would compute it."""
    custom = """
    import numpy as np
    import pandas as pd
    def load_model(code_dir):
        random = np.random.default_rng(0)
        sizes = [2, 512, 512, 1]
        return [
            random.normal(0, 1 / np.sqrt(a), (a, b)).astype("float32")
            for a, b in zip(sizes, sizes[1:])
        ]
    def score(data, model, **kwargs):
        x = data[["age", "income"]].apply(pd.to_numeric).fillna(0)
        x = (x.clip(-1e6, 1e6) / [100, 50000]).to_numpy(dtype="float32")
        for weights in model[:-1]:
            x = np.maximum(x @ weights, 0)
        return pd.DataFrame({"Predictions": (x @ model[-1])[:, 0]})
    """
    return _folder(path, _frame(), custom=custom)


def refuses(path: Path) -> Path:
    """A hook that says what it cannot take, with a status of its choice."""
    custom = """
    import numpy as np
    import pandas as pd
    from drum_core import UserHTTPError
    def load_model(code_dir):
        return 1
    def score(data, model, **kwargs):
        if not {"age", "city"} <= set(data.columns):
            raise UserHTTPError("Give age and city.", 422)
        age = pd.to_numeric(data["age"]).fillna(0)
        if ((age < 0) | (age > 150)).any():
            raise UserHTTPError("An age is from 0 to 150.", 422)
        new = ~data["city"].astype(object).fillna("Oslo").isin(["Oslo", "Rome", "Lima", "Graz"])
        if new.any():
            raise UserHTTPError("A city is not known.", 422)
        return pd.DataFrame({"Predictions": age * 2.0})
    """
    return _folder(path, _frame()[["age", "city"]], custom=custom)


def reads_itself(path: Path) -> Path:
    """A hook that reads its input itself, with semicolons: no table that could be varied."""
    custom = """
    import io
    import pandas as pd
    def load_model(code_dir):
        return 1
    def read_input_data(input_binary_data):
        return pd.read_csv(io.BytesIO(input_binary_data), sep=";", decimal=",")
    def score(data, model, **kwargs):
        return pd.DataFrame({"Predictions": data["age"] + data["income"].fillna(0)})
    """
    folder = make_folder(path, custom=custom)
    _frame().to_csv(folder / "input.csv", index=False, sep=";", decimal=",")
    return folder


def text(path: Path) -> Path:
    """A text model that repeats its prompt."""
    custom = """
    import pandas as pd
    def load_model(code_dir):
        return 1
    def score(data, model, **kwargs):
        prompts = data["promptText"].astype(object).fillna("").astype(str)
        return pd.DataFrame({"reply": ["You said: " + prompt[:50] for prompt in prompts]})
    """
    frame = pd.DataFrame({"promptText": [f"Tell me about {n}, please" for n in ["cats", "dogs"]]})
    return _folder(path, frame, metadata=TEXT, custom=custom)


def chat(path: Path) -> Path:
    """A chat model, scored on a column of prompts."""
    custom = """
    def load_model(code_dir):
        return 1
    def chat(params, model):
        text = params["messages"][-1]["content"]
        message = {"role": "assistant", "content": f"I heard {len(text)} letters"}
        return {"id": "1", "object": "chat.completion", "created": 1, "model": "m",
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
    """
    frame = pd.DataFrame({"promptText": ["Tell me about cats", "and now about dogs"]})
    return _folder(path, frame, metadata=TEXT, custom=custom)


def transform(path: Path) -> Path:
    """A scikit-learn transformer."""
    frame = _frame()[["income", "age", "city"]]
    numbers = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    texts = make_pipeline(
        SimpleImputer(strategy="most_frequent", keep_empty_features=True),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    columns = ColumnTransformer([("n", numbers, ["income", "age"]), ("city", texts, ["city"])])
    return _folder(path, frame, metadata=TRANSFORM, artifact=columns.fit(frame))


def unstructured(path: Path) -> Path:
    """A hook that answers JSON for text."""
    custom = """
    import json
    def load_model(code_dir):
        return 1
    def score_unstructured(model, data, query, **kwargs):
        answer = {"words": len(data.split()), "query": dict(query)}
        return json.dumps(answer), {"mimetype": "application/json"}
    """
    folder = make_folder(path, metadata=UNSTRUCTURED, custom=custom)
    (folder / "input.csv").write_text("some words, of no table\n" * 3)
    return folder


MODELS: Final[tuple[Callable[[Path], Path], ...]] = (
    *(regression, trees, binary, multiclass, forest, anomaly, multilabel, float32),
    *(refuses, reads_itself, text, chat, transform, unstructured),
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model.__name__))
def test_sound_models_raise_no_alarm(model: Callable[[Path], Path], tmp_path: Path) -> None:
    """No check fails or warns for a sound model; each that is skipped says why."""
    with threadpool_limits(1):  # threads of OpenMP that wait for each other take long
        found = verdicts(model(tmp_path / "m"))
    told = {
        check.value: (verdict.details, [finding.message for finding in verdict.findings])
        for check, verdict in found.items()
        if verdict.status in (CheckStatus.FAILED, CheckStatus.WARNING)
    }
    assert told == {}
    assert all(verdict.details for verdict in found.values())


@pytest.mark.parametrize("model", [multilabel, text, transform, unstructured])
def test_other_processes_answer_the_same(model: Callable[[Path], Path], tmp_path: Path) -> None:
    """`drum score` and a server give the answers of the model, whatever its kind."""
    only = [Check.RELOAD, Check.SERVER]
    if model is unstructured:
        only.append(Check.MEMORY)
    result = validated(model(tmp_path / "m"), only=only, jobs=2)
    assert [check for check in result.checks if check.status is not CheckStatus.PASSED] == []


@pytest.mark.parametrize("model", [reads_itself, unstructured])
def test_what_is_no_table_is_not_varied(model: Callable[[Path], Path], tmp_path: Path) -> None:
    """Checks that vary rows and columns are skipped where there are none, and say so."""
    found = verdicts(model(tmp_path / "m"))
    skipped = with_status(found, CheckStatus.SKIPPED)
    assert names(OF_TABLES - skipped) == []
    assert Check.REPEAT not in skipped


@pytest.mark.parametrize("extension", ["parquet", "json", "tsv", "arrow"])
def test_inputs_of_every_format_are_varied(extension: str, tmp_path: Path) -> None:
    """A typed input is varied with its types; nothing is found in a sound model, or skipped."""
    folder = regression(tmp_path / "m")
    frame = pd.read_csv(folder / "input.csv")
    given = tmp_path / f"input.{extension}"
    match extension:
        case "parquet":
            frame.to_parquet(given)
        case "arrow":
            frame.to_feather(given)
        case "json":
            given.write_text(frame.to_json(orient="records"))
        case _:
            frame.to_csv(given, sep="\t", index=False)
    found = verdicts(folder, given)
    passed = with_status(found, CheckStatus.PASSED)
    assert names(set(found) - passed) == ["probabilities"], found


def test_a_sparse_input_keeps_its_columns(tmp_path: Path) -> None:
    """Of a sparse matrix the rows are varied, and not the columns."""
    from scipy import io as scipy_io
    from scipy import sparse

    matrix = sparse.random(12, 3, density=0.5, format="csr", random_state=0)
    folder = make_folder(
        tmp_path / "m",
        custom="""
        import pandas as pd
        def load_model(code_dir):
            return 1
        def score(data, model, **kwargs):
            return pd.DataFrame({"Predictions": data.sum(axis=1)})
        """,
    )
    written = io.BytesIO()
    scipy_io.mmwrite(written, matrix)
    (tmp_path / "input.mtx").write_bytes(written.getvalue())
    found = verdicts(folder, tmp_path / "input.mtx")
    assert with_status(found, CheckStatus.FAILED) == frozenset(), found
    assert found[Check.ROW_BY_ROW].status is CheckStatus.PASSED
    assert found[Check.NULLS].status is CheckStatus.SKIPPED
