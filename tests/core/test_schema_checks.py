"""typeSchema: what is found in a table, and what each requirement says about it."""

from __future__ import annotations

import base64
import logging
from pathlib import Path

import pandas as pd
import pytest

from drum_core.cli import main
from drum_core.cli.exit_codes import status_of
from drum_core.errors import SchemaError
from drum_core.messages import Response
from drum_core.model.schema.checks import check_input, check_output, check_target, data_types
from drum_core.model.schema.spec import DataType, TypeSchema, default_transform_schema
from drum_core.options import TargetType
from drum_core.serving.errors import answer_to
from tests.core.served import CSV, post, serving
from tests.model_folders import DOUBLE, make_folder

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()
COLUMNS = {
    "number": [1.5, 2.5, 3.5, 4.5],
    "whole": [1, 2, 3, 4],
    "truth": [True, False, True, True],
    "text": ["a b", "c d", "e f", "g h"],
    "category": ["a", "b", "a", "b"],
    "image": [PNG] * 4,
    "date": pd.to_datetime(["2020-01-01"] * 4),
}


def table(*names: str) -> pd.DataFrame:
    """A dense table with some of the columns."""
    return pd.DataFrame({name: COLUMNS[name] for name in names})


def sparse(*, missing: bool = False) -> pd.DataFrame:
    """A table whose columns are all sparse."""
    values = [0.0, float("nan") if missing else 1.0, 0.0]
    return pd.DataFrame({"a": pd.arrays.SparseArray(values, fill_value=0.0)})


def schema(field: str, condition: str, *values: object, side: str = "input") -> TypeSchema:
    """A schema with one requirement."""
    item = {
        "field": field,
        "condition": condition,
        "value": [str(value) for value in values],
    }
    return TypeSchema.model_validate({f"{side}_requirements": [item]})


def holds(frame: pd.DataFrame, field: str, condition: str, *values: object) -> bool:
    """Whether the table meets one requirement for inputs."""
    try:
        check_input(frame, schema(field, condition, *values))
    except SchemaError:
        return False
    return True


@pytest.mark.parametrize(
    ("column", "kinds"),
    [
        ("number", {DataType.NUM}),
        ("whole", {DataType.NUM}),
        ("truth", {DataType.NUM}),
        ("text", {DataType.TXT, DataType.CAT}),
        ("category", {DataType.CAT}),
        ("image", {DataType.IMG}),
        ("date", {DataType.DATE}),
    ],
)
@pytest.mark.parametrize("dtype", ["as it is", "object"])
def test_kinds_of_columns(column: str, kinds: set[DataType], dtype: str) -> None:
    """Each kind of column is recognised; texts and categories also in columns of objects."""
    frame = table(column)
    if dtype == "object" and column in ("text", "category", "image"):
        frame = frame.astype(object)
    assert data_types(frame) == kinds


@pytest.mark.parametrize(
    ("values", "is_text"),
    [
        (["a b"] * 3 + ["c"], True),
        (["a b"] * 2 + ["c", "d"], False),
        (["a b"] * 100, False),
        ([f"a {i % 4}" for i in range(100)], False),
        ([f"a {i % 5}" for i in range(100)], True),
        ([f"a {i % 60}" for i in range(4000)], True),
        (["a b", "c d", "e f", None], True),
        ([b"a b", b"c d"], False),
        ([1, "a b"], False),
        ([None, None], False),
    ],
)
def test_what_is_text(values: list[object], is_text: bool) -> None:
    """Text has spaces in three of four rows, and one distinct value in twenty rows, or sixty."""
    frame = pd.DataFrame({"c": pd.Series(values, dtype=object)})
    assert (DataType.TXT in data_types(frame)) is is_text


def test_what_is_an_image() -> None:
    """Base64 that is not of an image is a category, as is a text that only begins like one."""
    for value in (base64.b64encode(b"no image").decode(), "iVBORw0KGgo is how one begins"):
        assert DataType.IMG not in data_types(pd.DataFrame({"c": [value] * 4}))


def test_truth_values_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """Truth values pass for numbers, and the log says so."""
    with caplog.at_level(logging.WARNING, "drum_core"):
        assert holds(table("truth"), "data_types", "EQUALS", "NUM")
    assert "the column truth holds truth values" in caplog.text


@pytest.mark.parametrize(
    ("columns", "condition", "values", "expected"),
    [
        (["number"], "EQUALS", ["NUM"], True),
        (["number", "date"], "EQUALS", ["NUM"], False),
        (["number"], "EQUALS", ["DATE"], False),
        (["number"], "NOT_EQUALS", ["NUM"], False),
        (["number"], "NOT_EQUALS", ["IMG"], True),
        (["number", "image"], "IN", ["NUM", "IMG", "DATE"], True),
        (["number", "image"], "IN", ["NUM"], False),
        (["number"], "NOT_IN", ["IMG", "DATE"], True),
        (["number", "date"], "NOT_IN", ["IMG", "DATE"], False),
        (["text"], "EQUALS", ["TXT"], True),
        (["text"], "EQUALS", ["CAT"], True),
        (["category"], "IN", ["TXT"], True),
        (["whole"], "EQUALS", ["NUM"], True),
        (["whole"], "EQUALS", ["CAT"], True),
        (["whole", "number"], "EQUALS", ["CAT"], False),
        (["category"], "EQUALS", ["NUM"], False),
        (["category"], "EQUALS", ["GEO"], True),
        (["category"], "IN", ["COUNT_DICT", "DATE_DURATION"], True),
    ],
)
def test_data_types(columns: list[str], condition: str, values: list[str], expected: bool) -> None:
    """Texts, and whole numbers, count as categories; kinds that cannot be told are not checked."""
    assert holds(table(*columns), "data_types", condition, *values) is expected


@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [
        ("EQUALS", [2], True),
        ("EQUALS", [3], False),
        ("NOT_EQUALS", [2], False),
        ("NOT_EQUALS", [3], True),
        ("IN", [1, 2], True),
        ("IN", [1, 3], False),
        ("NOT_IN", [1, 2], False),
        ("NOT_IN", [1, 3], True),
        ("GREATER_THAN", [1], True),
        ("GREATER_THAN", [2], False),
        ("LESS_THAN", [3], True),
        ("LESS_THAN", [2], False),
        ("NOT_GREATER_THAN", [2], True),
        ("NOT_GREATER_THAN", [1], False),
        ("NOT_LESS_THAN", [2], True),
        ("NOT_LESS_THAN", [3], False),
    ],
)
def test_number_of_columns(condition: str, values: list[int], expected: bool) -> None:
    """The number of columns is compared as the condition says."""
    assert holds(table("number", "text"), "number_of_columns", condition, *values) is expected


@pytest.mark.parametrize(
    ("side", "value", "dense", "is_sparse"),
    [
        ("input", "FORBIDDEN", True, False),
        ("input", "SUPPORTED", True, True),
        ("input", "REQUIRED", False, True),
        ("output", "NEVER", True, False),
        ("output", "DYNAMIC", True, True),
        ("output", "ALWAYS", False, True),
        ("output", "IDENTITY", True, True),
    ],
)
def test_sparse(side: str, value: str, dense: bool, is_sparse: bool) -> None:
    """Dense and sparse tables fit as the value says."""
    check = check_input if side == "input" else check_output
    for frame, fits in ((table("number"), dense), (sparse(), is_sparse)):
        required = schema("sparse", "EQUALS", value, side=side)
        if fits:
            check(frame, required)
        else:
            with pytest.raises(SchemaError, match="says that sparse is"):
                check(frame, required)


def test_sparse_tables_hold_numbers() -> None:
    """A sparse table has numbers only, and its missing values do not count."""
    assert holds(sparse(missing=True), "contains_missing", "EQUALS", "FORBIDDEN")
    assert holds(sparse(), "data_types", "EQUALS", "NUM")
    assert not holds(sparse(), "data_types", "EQUALS", "CAT")


@pytest.mark.parametrize("value", ["FORBIDDEN", "SUPPORTED"])
def test_missing_values(value: str) -> None:
    """A missing value anywhere breaks FORBIDDEN, not SUPPORTED."""
    frame = pd.DataFrame({"a": [1.0, None], "b": ["x", "y"]})
    assert holds(frame, "contains_missing", "EQUALS", value) is (value == "SUPPORTED")
    assert holds(frame.dropna(), "contains_missing", "EQUALS", value)


def test_every_problem_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """All requirements are checked; the error and the log have a sentence for each that fails."""
    required = default_transform_schema()
    frame = pd.DataFrame({"a": [1.5, None], "i": [PNG, PNG]})
    with caplog.at_level(logging.ERROR, "drum_core"), pytest.raises(SchemaError) as caught:
        check_input(frame, required)
    types, missing = caught.value.problems
    assert types == (
        "Datatypes incorrect. Data has types: IMG, NUM, which includes values that are not in "
        "CAT, DATE, NUM."
    )
    assert "missing values (columns a)" in missing
    assert "mismatch between input dataset and the supplied schema" in caplog.messages[0]
    assert len(caplog.messages) == 3
    assert status_of(caught.value) == 3


def test_outputs_are_of_transform_tasks() -> None:
    """Requirements for the output are an error for any target type but transform."""
    required = schema("data_types", "EQUALS", "NUM", side="output")
    check_target(required, TargetType.TRANSFORM)
    check_target(TypeSchema(), TargetType.REGRESSION)
    with pytest.raises(SchemaError, match="is only valid for custom transform tasks"):
        check_target(required, TargetType.REGRESSION)


def test_a_violation_is_422() -> None:
    """A server answers 422, with the key by which DRUM's clients know a violation."""
    response: Response = answer_to(SchemaError("output", ["Wrong."]))
    assert response.status == 422
    assert isinstance(response.body, bytes)
    assert b'"is_schema_validation_error":true' in response.body
    assert b'"message":"ERROR: schema validation failed for output: Wrong."' in response.body


TRANSFORM = """\
name: t
type: training
targetType: transform
typeSchema:
  input_requirements:
    - field: number_of_columns
      condition: EQUALS
      value: 7
  output_requirements:
    - field: data_types
      condition: EQUALS
      value: NUM
    - field: contains_missing
      condition: EQUALS
      value: NEVER
"""
SAME = "def transform(data, model):\n    return data\n"


def test_a_server_checks_what_it_transforms(tmp_path: Path) -> None:
    """What a transform model gives is checked in the server, what it is given is not."""
    with serving(make_folder(tmp_path / "m", metadata=TRANSFORM, custom=SAME)) as host:
        answer = post(host, "x\n1.5\n2\n", *CSV, target="/transform/")
        assert answer.status == 200
        refused = post(host, "x,y\n1.5,b\n,c\n", *CSV, target="/transform/")
        assert refused.status == 422
        body = refused.json()
    assert body["is_schema_validation_error"] is True
    assert "Data has types: CAT, NUM, but expected exactly: NUM" in str(body["message"])
    assert "contains_missing is NEVER" in str(body["message"])


def test_a_score_ends_with_three(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`drum score` ends with the status 3 when the output does not fit the schema."""
    folder = make_folder(tmp_path / "m", metadata=TRANSFORM, custom=SAME)
    path = tmp_path / "in.csv"
    path.write_text("x\n1.5\n")
    assert main(["score", "-cd", str(folder), "--input", str(path)]) == 0
    path.write_text("x\na\n")
    assert main(["score", "-cd", str(folder), "--input", str(path)]) == 3
    assert "schema validation failed for output" in capsys.readouterr().err


def test_outputs_of_other_models_are_not_checked(tmp_path: Path) -> None:
    """A model that predicts is never held to a schema of outputs."""
    metadata = TRANSFORM.replace("targetType: transform", "targetType: regression")
    with serving(make_folder(tmp_path / "m", metadata=metadata, custom=DOUBLE)) as host:
        assert post(host, "x\n1\n", *CSV).status == 200
