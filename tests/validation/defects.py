"""A sound model, and one like it for each planted defect."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from drum_core.options.choices import ValidationCheck as Check
from tests.model_folders import BINARY, make_folder

SOUND = """\
import numpy as np
import pandas as pd

CITIES = {"Oslo": 0.5, "Rome": -0.5, "Lima": 0.25}

def load_model(code_dir):
    return {"age": 0.02, "income": 1e-5, "note": 0.001}

def features(data):
    return pd.DataFrame({
        "age": pd.to_numeric(data["age"]).fillna(40).clip(0, 120),
        "income": pd.to_numeric(data["income"]).fillna(30000).clip(0, 1e6),
        "city": data["city"].astype(object).map(CITIES).fillna(0).astype(float),
        "note": data["note"].astype(object).fillna("").astype(str).str.len().clip(0, 1000),
    })

def probability(table, model):
    z = sum(model[name] * table[name] for name in model) + table["city"] - 1
    return 1 / (1 + np.exp(-z))

def answer(p):
    return pd.DataFrame({"yes": p, "no": 1 - p})

def score(data, model, **kwargs):
    return answer(probability(features(data), model))
"""

NOTES = (
    "quiet and reliable",
    "asks for many things at a time",
    "comes late",
    "has moved twice in the last year",
    "pays in advance and never complains about anything",
)


def input_rows(count: int = 24) -> str:
    """Rows in the order of income, none of them twice."""
    lines = ["age,income,city,note"]
    for row in range(count):
        city = ("Oslo", "Rome", "Lima")[row % 3]
        note = f"{NOTES[row % 5]} {'really ' * (row // 5)}so"
        lines.append(f"{20 + 2 * row},{10000.5 + 1500 * row},{city},{note}")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Defect:
    """Code that replaces a part of the sound model, and the checks that find it."""

    name: str
    custom: str
    fails: frozenset[Check]
    warns: frozenset[Check] = field(default=frozenset())

    def folder(self, path: Path) -> Path:
        """A model folder with the defect, and `input.csv` in it."""
        return write_model(path, self.custom)


def write_model(path: Path, custom: str = "", metadata: str = BINARY) -> Path:
    """The sound model, with what `custom` replaces; its input is `input.csv` in the folder."""
    folder = make_folder(path, custom=SOUND + "\n" + textwrap.dedent(custom), metadata=metadata)
    (folder / "input.csv").write_text(input_rows())
    return folder


def _defect(name: str, custom: str, *fails: Check) -> Defect:
    return Defect(name, custom, frozenset(fails))


IN_PROCESS = (
    _defect(
        "cannot take as many rows as the input has",
        """
        def score(data, model, **kwargs):
            if len(data) > 10:
                raise MemoryError("too many rows")
            return answer(probability(features(data), model))
        """,
        Check.BATCH,
    ),
    _defect(
        "does not impute",
        """
        def score(data, model, **kwargs):
            if data["income"].isna().all():
                raise ValueError("nothing to scale")
            return answer(probability(features(data), model))
        """,
        Check.NULLS,
    ),
    _defect(
        "probabilities do not add up",
        """
        def answer(p):
            return pd.DataFrame({"yes": p, "no": (1 - p) / 2})
        """,
        Check.BATCH,
        Check.PROBABILITIES,
    ),
    _defect(
        "a few probabilities are above one",
        """
        def answer(p):
            return pd.DataFrame({"yes": p * 1.5, "no": 1 - p * 1.5})
        """,
        Check.BATCH,
        Check.PROBABILITIES,
    ),
    _defect(
        "an extra column is infinite",
        """
        def score(data, model, **kwargs):
            found = answer(probability(features(data), model))
            found["odds"] = np.where(found["yes"] > found["no"], np.inf, found["yes"])
            return found
        """,
        Check.JSON,
    ),
    _defect(
        "an extra column holds objects that JSON has no form for",
        """
        def score(data, model, **kwargs):
            return answer(probability(features(data), model)).assign(model=object())
        """,
        Check.JSON,
    ),
    _defect(
        "random",
        """
        def score(data, model, **kwargs):
            p = probability(features(data), model)
            return answer((p + np.random.normal(0, 1e-3, len(p))).clip(0, 1))
        """,
        Check.REPEAT,
    ),
    _defect(
        "remembers the largest value that it has seen",
        """
        SEEN = [1.0]

        def score(data, model, **kwargs):
            table = features(data)
            SEEN.append(table["income"].max())
            return answer(probability(table.assign(income=table["income"] / max(SEEN)), model))
        """,
        Check.HISTORY,
    ),
    _defect(
        "fails for one row",
        """
        def score(data, model, **kwargs):
            income = features(data)[["income"]].squeeze()
            return answer(1 / (1 + np.exp(-income.to_numpy() * 1e-5)))
        """,
        Check.ONE_ROW,
        Check.ROW_BY_ROW,
    ),
    _defect(
        "scales by the mean of the request",
        """
        def score(data, model, **kwargs):
            table = features(data)
            return answer(probability(table.assign(age=table["age"] - table["age"].mean()), model))
        """,
        Check.ROW_BY_ROW,
    ),
    _defect(
        "answers in the order of income",
        """
        def score(data, model, **kwargs):
            table = features(data).sort_values("income", kind="stable").reset_index(drop=True)
            return answer(probability(table, model))
        """,
        Check.ROW_ORDER,
    ),
    _defect(
        "adds up the rows before",
        """
        def score(data, model, **kwargs):
            table = features(data)
            return answer(probability(table.assign(age=table["age"].diff().fillna(0)), model))
        """,
        Check.ROW_BY_ROW,
        Check.ROW_ORDER,
        Check.EQUAL_ROWS,
    ),
    _defect(
        "drops rows that are equal",
        """
        def score(data, model, **kwargs):
            return answer(probability(features(data.drop_duplicates()), model))
        """,
        Check.EQUAL_ROWS,
    ),
    _defect(
        "answers a row where there is none",
        """
        import io

        def read_input_data(input_binary_data):
            data = pd.read_csv(io.BytesIO(input_binary_data))
            return data if len(data) else data.reindex([0])
        """,
        Check.NO_ROWS,
    ),
    _defect(
        "takes columns by their place, among them",
        """
        def score(data, model, **kwargs):
            p = probability(features(data), model)
            names = list(data.columns)
            return answer(p if names.index("age") < names.index("income") else p / 2)
        """,
        Check.COLUMN_ORDER,
    ),
    _defect(
        "takes columns by their place",
        """
        def score(data, model, **kwargs):
            data = data.iloc[:, :4].set_axis(["age", "income", "city", "note"], axis=1)
            data = data.assign(age=pd.to_numeric(data["age"], errors="coerce"))
            data = data.assign(income=pd.to_numeric(data["income"], errors="coerce"))
            return answer(probability(features(data), model))
        """,
        Check.COLUMN_ORDER,
        Check.EXTRA_COLUMN,
    ),
    _defect(
        "computes over all columns of numbers",
        """
        def score(data, model, **kwargs):
            p = probability(features(data), model)
            size = data.select_dtypes("number").fillna(0).clip(0, 1e6).mean(axis=1)
            return answer(p * size / (size + 30000))
        """,
        Check.EXTRA_COLUMN,
    ),
    _defect(
        "has a constant for a missing column",
        """
        def score(data, model, **kwargs):
            data = data.assign(age=data.get("age", 99))
            return answer(probability(features(data), model))
        """,
        Check.MISSING_COLUMN,
    ),
    _defect(
        "looks categories up",
        """
        def score(data, model, **kwargs):
            for city in data["city"].dropna():
                CITIES[city]
            return answer(probability(features(data), model))
        """,
        Check.UNSEEN_CATEGORY,
    ),
    _defect(
        "takes the first word",
        """
        def score(data, model, **kwargs):
            notes = data["note"].astype(object).fillna("none").astype(str)
            words = [text.split()[0] for text in notes]
            return answer(probability(features(data), model))
        """,
        Check.EMPTY_TEXT,
    ),
    _defect(
        "cannot take long texts",
        """
        def score(data, model, **kwargs):
            if (data["note"].astype(str).str.len() > 4096).any():
                raise RuntimeError("index out of range in self")
            return answer(probability(features(data), model))
        """,
        Check.LONG_TEXT,
    ),
    _defect(
        "overflows",
        """
        import math

        def score(data, model, **kwargs):
            for income in data["income"].dropna():
                math.exp(float(income) / 1e5)
            return answer(probability(features(data), model))
        """,
        Check.EXTREME_NUMBERS,
    ),
    _defect(
        "has a softmax that overflows",
        """
        def answer(p):
            return pd.DataFrame({"yes": p, "no": 1 - p})

        def score(data, model, **kwargs):
            income = data["income"].fillna(0).to_numpy() / 1e4
            with np.errstate(all="ignore"):
                grown = np.exp(np.column_stack([income, income / 2]))
                p = grown[:, 0] / grown.sum(axis=1)
            return answer(p).assign(features=features(data)["age"])
        """,
        Check.EXTREME_NUMBERS,
    ),
)
"""Those that are found wherever the model is loaded, so also here."""

IN_PROCESSES = (
    _defect(
        "depends on the hash of a text",
        """
        def score(data, model, **kwargs):
            p = probability(features(data), model)
            shift = data["city"].map(lambda city: hash(city) % 1000 / 1e4)
            return answer((p + shift).clip(0, 1))
        """,
        Check.RELOAD,
        Check.SERVER,
    ),
    _defect(
        "works in the main thread alone",
        """
        import signal

        def score(data, model, **kwargs):
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            return answer(probability(features(data), model))
        """,
        Check.SERVER,
    ),
    _defect(
        "keeps each request",
        """
        REQUESTS = []

        def score(data, model, **kwargs):
            REQUESTS.append(data)
            return answer(probability(features(data), model))
        """,
        Check.MEMORY,
    ),
    _defect(
        "leaks in native code",
        """
        import ctypes

        def score(data, model, **kwargs):
            ctypes.CDLL(None).memset(
                ctypes.c_void_p(_malloc(50_000)), 1, ctypes.c_size_t(50_000)
            )
            return answer(probability(features(data), model))

        _malloc = ctypes.CDLL(None).malloc
        _malloc.restype, _malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        """,
        Check.MEMORY,
    ),
    _defect(
        "never ends where a column is empty",
        """
        import time

        def score(data, model, **kwargs):
            while data["income"].isna().all():
                time.sleep(0.01)
            return answer(probability(features(data), model))
        """,
        Check.NULLS,
    ),
    _defect(
        "ends the process for a long text",
        """
        import os

        def score(data, model, **kwargs):
            if (data["note"].astype(str).str.len() > 4096).any():
                print("no room left", flush=True)
                os._exit(3)
            return answer(probability(features(data), model))
        """,
        Check.LONG_TEXT,
    ),
    _defect(
        "crashes for infinity",
        """
        import ctypes

        def score(data, model, **kwargs):
            if np.isinf(data["income"]).any():
                ctypes.string_at(0)
            return answer(probability(features(data), model))
        """,
        Check.EXTREME_NUMBERS,
    ),
)
"""Those that need processes of their own, or end theirs."""
