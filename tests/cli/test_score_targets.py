"""`drum score` of unstructured, transform and text models: options in, answers out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.model_folders import REGRESSION, make_folder

Drum = Callable[..., subprocess.CompletedProcess[str]]

ECHO = """
    import json

    def score_unstructured(model, data, query, **kwargs):
        print("from the hook")
        if isinstance(data, bytes):
            return data
        return json.dumps({"data": data, "query": query, "charset": kwargs["charset"]})
"""


def make_model(path: Path, kind: str, custom: str) -> None:
    """A model folder `m`, and an input file `in`."""
    make_folder(path / "m", metadata=REGRESSION.replace("regression", kind), custom=custom)
    (path / "in").write_text("größe\n", encoding="utf-8")


def test_unstructured_text_is_printed(drum: Drum, tmp_path: Path) -> None:
    """The answer is the standard output; quotes and backslashes in options do no harm."""
    make_model(tmp_path, "unstructured", ECHO)
    done = drum(
        *("score", "-cd", "m", "--input", "in", "--query", r'a="1\2"&a=3&b=%20'),
        *("--content-type", 'text/plain; charset="utf8"'),
        PYTHONIOENCODING="ascii",
        PYTHONUTF8="0",
    )
    assert done.returncode == 0
    told = {"data": "größe\n", "query": {"a": "3", "b": " "}, "charset": "utf8"}
    assert json.loads(done.stdout) == told
    assert done.stdout.endswith("}\n")
    assert done.stderr == "from the hook\n"


def test_unstructured_bytes_are_printed(environ: Mapping[str, str], tmp_path: Path) -> None:
    """Bytes go to the standard output as they are."""
    make_model(tmp_path, "unstructured", ECHO)
    (tmp_path / "in").write_bytes(bytes(range(256)))
    words = ["score", "-cd", "m", "--input", "in", "--content-type", "application/octet-stream"]
    done = subprocess.run(
        [sys.executable, "-m", "drum_core", *words],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == bytes(range(256))


def test_unstructured_to_a_file(drum: Drum, tmp_path: Path) -> None:
    """With `--output` the answer goes there, and one line says so."""
    make_model(tmp_path, "unstructured", ECHO)
    done = drum("score", "-cd", "m", "--input", "in", "--output", "out")
    assert (done.returncode, done.stdout) == (0, "")
    assert "Wrote the answer to" in done.stderr
    assert json.loads((tmp_path / "out").read_text("utf-8"))["charset"] == "utf8"


@pytest.mark.parametrize("mode", ["score", "server"])
@pytest.mark.parametrize("flag", ["--query", "--content-type"])
def test_flags_of_unstructured_models_only(
    drum: Drum, tmp_path: Path, mode: str, flag: str
) -> None:
    """For another target type the flags are an error that names the flag and the type."""
    make_model(tmp_path, "regression", "def score(data, model, **kwargs): pass\n")
    rest = ["--input", "in"] if mode == "score" else ["--address", "127.0.0.1:0"]
    done = drum(mode, "-cd", "m", *rest, flag, "a=b")
    assert done.returncode == 1
    assert f"{flag} is for unstructured models only" in done.stderr
    assert "regression" in done.stderr


def test_target_name_by_variable(drum: Drum, tmp_path: Path) -> None:
    """TARGET_NAME names the column of the texts; without it, that is what is missing."""
    custom = """
        import pandas as pd

        def score(data, model, **kwargs):
            return pd.DataFrame({"n": [1], "the answer": ["yes"]})
    """
    make_model(tmp_path, "textgeneration", custom)
    (tmp_path / "in").write_text("q\nx\n")
    done = drum("score", "-cd", "m", "--input", "in", TARGET_NAME='"the answer"')
    assert (done.returncode, done.stdout) == (0, "Predictions,n\nyes,1\n")
    failed = drum("score", "-cd", "m", "--input", "in", TARGET_NAME="")
    assert failed.returncode == 1
    assert "TARGET_NAME" in failed.stderr


def test_transformed_table_is_printed(drum: Drum, tmp_path: Path) -> None:
    """A transformed table is printed as CSV."""
    make_model(tmp_path, "transform", "def transform(data, model):\n    return data * 2\n")
    (tmp_path / "in").write_text("a,b\n1,x\n2,y\n")
    done = drum("score", "-cd", "m", "--input", "in")
    assert (done.returncode, done.stdout) == (0, "a,b\n2,xx\n4,yy\n")
