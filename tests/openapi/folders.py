"""A folder for each kind of route: what it answers is described by the same document."""

from __future__ import annotations

from pathlib import Path

from tests.model_folders import (
    ANOMALY,
    BINARY,
    MULTICLASS,
    MULTILABEL,
    REGRESSION,
    make_folder,
)

TABLE = """\
import pandas as pd

def load_model(code_dir):
    return 1

def score(data, model, **kwargs):
    return pd.DataFrame({column: [0.5] * len(data) for column in COLUMNS})
"""
TEXT = """\
name: parrot
type: inference
targetType: textgeneration
inferenceModel:
  targetName: answer
"""
PARROT = """\
import pandas as pd

def load_model(code_dir):
    return "parrot"

def get_supported_llm_models(model):
    return [{"id": model, "object": "model"}]

def completion(kind, part):
    choice = {"index": 0, part: {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
    return {"id": "1", "object": kind, "created": 1, "model": "parrot", "choices": [choice]}

def chat(params, model, **kwargs):
    if not params.get("stream"):
        return completion("chat.completion", "message")
    return (completion("chat.completion.chunk", "delta") for _ in range(2))

def score(data, model, **kwargs):
    return pd.DataFrame({"answer": ["hello"] * len(data)})

def score_unstructured(model, data, query, **kwargs):
    return str(len(data or ""))
"""
UNSTRUCTURED = REGRESSION.replace("regression", "unstructured")
TRANSFORM = REGRESSION.replace("regression", "transform")
CLASSES = "COLUMNS = ['setosa', 'versicolor', 'virginica']\n" + TABLE

FOLDERS = {
    "regression": (REGRESSION, "COLUMNS = ['Predictions']\n" + TABLE),
    "anomaly": (ANOMALY, "COLUMNS = ['Predictions']\n" + TABLE),
    "binary": (BINARY, "COLUMNS = ['yes', 'no']\n" + TABLE),
    "multiclass": (MULTICLASS, CLASSES.replace("0.5", "1 / 3")),
    "multilabel": (MULTILABEL, CLASSES),
    "geopoint": (
        REGRESSION.replace("regression", "geopoint"),
        "COLUMNS = ['Predictions']\n" + TABLE,
    ),
    "text": (TEXT, PARROT),
    "unstructured": (
        UNSTRUCTURED,
        "def score_unstructured(model, data, **kwargs):\n    return '1'\n",
    ),
    "transform": (
        TRANSFORM,
        "def transform(data, model):\n    return data\n\ndef load_model(d):\n    return 1\n",
    ),
}


def folder_of(kind: str, path: Path) -> Path:
    """A folder of that target type at `path`."""
    metadata, custom = FOLDERS[kind]
    return make_folder(path, metadata=metadata, custom=custom)
