"""model-metadata.yaml: the whole schema, its errors, its JSON Schema."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from drum_core.cli import main
from drum_core.errors import MetadataError
from drum_core.model.metadata import METADATA_FILE, Metadata, read_metadata
from drum_core.model.runtime_parameters import read_values
from drum_core.model.schema.hyperparameters import default_values
from drum_core.user.errors import ParameterLoadError
from tests.core.metadata_tables import DOCUMENT, with_tables

PARAMETER = {"fieldName": "a", "type": "numeric"}
HEAD = "name: n\ntype: training\ntargetType: regression\n"

WHOLE = """\
name: everything
type: inference
targetType: binary
environmentID: 5e8c889607389fe0f466c72d
modelID: 5e8c889607389fe0f466c72e
description: all keys there are
majorVersion: no
validation:
  input: rows.csv
  targetName: y
inferenceModel:
  targetName: y
  positiveClassLabel: yes
  negativeClassLabel: 0
  predictionThreshold: 0.5
trainingModel:
  trainOnProject: 5e8c
hyperparameters:
  - name: seed
    type: int
    min: 1
    max: 9
    default: 3
  - name: rate
    type: float
    min: 0.001
    max: 1
  - name: mode
    type: select
    values:
      - fast
      - 1
  - name: words
    type: string
  - name: any_kind
    type: multi
    values:
      int:
        min: 1
        max: 2
      float:
        min: 0.5
        max: 1.5
      select:
        values:
          - a
typeSchema:
  input_requirements:
    - field: data_types
      condition: IN
      value:
        - NUM
        - CAT
    - field: number_of_columns
      condition: NOT_LESS_THAN
      value: 2
    - field: sparse
      condition: EQUALS
      value: FORBIDDEN
    - field: contains_missing
      condition: EQUALS
      value: SUPPORTED
inputSchema:
  type: object
  title: in
  properties:
    x:
      type: number
  required:
    - x
customPredictor:
  anything: goes
runtimeParameterDefinitions:
  - fieldName: key
    type: numeric
    defaultValue: 1
    minValue: 0
    maxValue: "2.5"
    allowEmpty: false
    description: a number
    allowedValues:
      - 1
      - 2
  - fieldName: secret
    type: credential
    credentialType: api_token
userCredentialSpecifications:
  - key: k
    valueFrom: v
    reminder: r
lazyLoading:
  repositories:
    - repositoryId: r
      bucketName: b
      credentialId: c
  files:
    - remotePath: a
      localPath: b
      repositoryId: r
"""


def written(folder: Path, text: str) -> Path:
    """A folder with that metadata."""
    (folder / METADATA_FILE).write_text(text, encoding="utf-8")
    return folder


def read(folder: Path, text: str) -> Metadata:
    """The metadata that the text holds."""
    found = read_metadata(written(folder, text))
    assert found is not None
    return found[0]


def error(folder: Path, text: str) -> tuple[int | None, str]:
    """Line and problem of the error for the text."""
    with pytest.raises(MetadataError) as caught:
        read_metadata(written(folder, text))
    assert str(folder / METADATA_FILE) in str(caught.value)
    return caught.value.line, caught.value.problem


def test_every_key_is_read(tmp_path: Path) -> None:
    """A file with every key there is is valid; numbers and truth values are typed."""
    found = read(tmp_path, WHOLE)
    assert found.major_version is False
    assert found.inference_model is not None
    assert found.inference_model.negative_class_label == "0"
    assert found.inference_model.prediction_threshold == 0.5
    assert found.custom_predictor == {"anything": "goes"}
    assert found.type_schema is not None
    assert found.type_schema.input_requirements is not None
    assert len(found.type_schema.input_requirements) == 4


def test_hyperparameter_defaults(tmp_path: Path) -> None:
    """Unset values are the default, the minimum, an empty text, the first value or component."""
    found = read(tmp_path, WHOLE)
    assert default_values(found.hyperparameters or []) == {
        "seed": 3,
        "rate": 0.001,
        "mode": "fast",
        "words": "",
        "any_kind": 0.5,
    }


@pytest.mark.parametrize(
    ("default", "value"), [("3", 3), ("3.5", 3.5), ("three", "three"), (None, None)]
)
def test_multi_defaults_are_typed(tmp_path: Path, default: str | None, value: object) -> None:
    """The default of a multi hyperparameter is a number where it looks like one, else a text."""
    line = f"    default: {default}\n" if default else ""
    text = HEAD + f"hyperparameters:\n  - name: m\n    type: multi\n    values:\n{line}"
    text = text.replace("values:\n", "values:\n      select:\n        values:\n          - s\n")
    assert default_values(read(tmp_path, text).hyperparameters or []) == {"m": value or "s"}


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        ("- name: a\n  type: int\n  min: 1\n  max: 1", 5, "a: max must be greater than min"),
        (
            "- name: a\n  type: float\n  min: 2\n  max: 1",
            5,
            "float parameter a: max must be greater",
        ),
        (
            "- name: a\n  type: int\n  min: 1\n  max: 3\n  default: 4",
            5,
            "values must be between [1, 3], got the default 4",
        ),
        ("- name: a\n  type: int\n  min: 1.5\n  max: 3", 7, "value can't be converted to int"),
        ("- name: a\n  type: float\n  min: nan\n  max: 3", 7, "converted to float"),
        ("- name: a\n  type: int\n  min: 1", 5, "'hyperparameters.0.max' is missing"),
        (
            "- name: a\n  min: 1",
            5,
            "0.type' is required; expected one of int, float, string, select, multi.",
        ),
        ("- name: a\n  type: bool", 6, "is invalid; expected one of int, float, string"),
        ("- name: a1\n  type: string", 5, "letters and underscores"),
        ("- name: _a\n  type: string", 5, "a letter at both ends"),
        (f"- name: {'a' * 65}\n  type: string", 5, "at most 64 characters"),
        (f"- name: a\n  type: string\n  default: {'a' * 1025}", 7, "longer than 1024 characters"),
        ("- name: a\n  type: string\n  defualt: b", 7, "expected one of 'name', 'type', 'default'"),
        ("- name: a\n  type: select\n  values:\n" + "    - v\n" * 25, 7, "list length is greater"),
        ("- name: a\n  type: select\n  values:\n    - ''", 8, "at least one character"),
        ("- name: a\n  type: select\n  values: b", 7, "should be a valid list"),
        (
            "- name: a\n  type: multi\n  values:\n    int:\n      min: 3\n      max: 2",
            5,
            "Invalid int parameter a__int: max must be greater than min",
        ),
        (
            "- name: a\n  type: multi\n  values:\n    bool:\n      min: 3",
            8,
            "'int', 'float', 'select'",
        ),
        ("- a", 5, "expected keys with values"),
        ("name: a", 4, "should be a valid list"),
    ],
)
def test_hyperparameter_limits(tmp_path: Path, lines: str, line: int, said: str) -> None:
    """A hyperparameter outside its limits is an error at its line that says what was expected."""
    text = HEAD + "hyperparameters:\n" + "".join(f"  {row}\n" for row in lines.splitlines())
    at, problem = error(tmp_path, text)
    assert said in problem
    assert at == line


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        (
            "field: colour\n  condition: IN\n  value: NUM",
            6,
            "is invalid; expected one of data_types",
        ),
        ("field: data_types\n  condition: LIKE\n  value: NUM", 7, "'EQUALS', 'NOT_EQUALS', 'IN'"),
        ("field: data_types\n  condition: LESS_THAN\n  value: NUM", 7, "'NOT_IN'"),
        ("field: data_types\n  condition: IN\n  value: INT", 8, "'NUM', 'TXT'"),
        ("field: sparse\n  condition: IN\n  value: FORBIDDEN", 7, "'EQUALS'"),
        ("field: sparse\n  condition: EQUALS\n  value: NEVER", 8, "'FORBIDDEN', 'SUPPORTED'"),
        ("field: number_of_columns\n  condition: EQUALS\n  value: -1", 6, "not negative"),
        ("field: number_of_columns\n  condition: LESS_THAN\n  value: 0", 6, "with 0"),
        ("field: number_of_columns\n  condition: EQUALS\n  value: x", 8, "expected a whole number"),
        ("field: data_types\n  value: NUM", 6, "'typeSchema.input_requirements.0.condition'"),
        (
            "condition: IN\n  value: NUM",
            6,
            "0.field' is required; expected one of data_types, number_of_columns, sparse, contains",
        ),
    ],
)
def test_type_schema_limits(tmp_path: Path, lines: str, line: int, said: str) -> None:
    """A requirement that cannot be met or understood is an error at its line."""
    rows = "".join(f"    {row}\n" for row in f"- {lines}".splitlines())
    at, problem = error(tmp_path, HEAD + "typeSchema:\n  input_requirements:\n" + rows)
    assert said in problem
    assert at == line


def test_one_problem_is_counted_as_one(tmp_path: Path) -> None:
    """A wrong value of a condition is one problem; two are two."""
    text = (
        HEAD + "typeSchema:\n  input_requirements:\n    - field: data_types\n      condition: IN\n"
    )
    assert "more problem" not in error(tmp_path, text + "      value: NUMBER\n")[1]
    two = text + "      value:\n        - NUMBER\n        - TEXT\n"
    assert "(1 more problem in this file.)" in error(tmp_path, two)[1]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("typeSchema:\n", 4, "expected keys with values"),
        ("typeSchema:\n  input_requirements:\n", 5, "should be a valid list"),
        ("inputSchema:\n  type: array\n  properties:\n    a: b\n", 4, "Only 'object' type schemas"),
        ("inputSchema:\n  type: object\n  properties: b\n", 4, "'properties' must be a dictionary"),
        ("inputSchema:\n  properties: b\n", 4, "'inputSchema.type' is missing"),
        ("majorVersion: maybe\n", 4, "expected yes, no, true or false"),
        ("trainingModel:\n  project: x\n", 5, "'trainOnProject'"),
        ("userCredentialSpecifications:\n  - key: k\n", 5, "valueFrom' is missing"),
        ("targetName: y\n", 4, "'targetName' is not a known field"),
    ],
)
def test_sections(tmp_path: Path, text: str, line: int, said: str) -> None:
    """Each section has its own rules, and an error says which line breaks one."""
    at, problem = error(tmp_path, HEAD + text)
    assert said in problem
    assert at == line


@pytest.mark.parametrize(
    ("kind", "section", "line", "said"),
    [
        ("binary", "", 3, "Missing keys: ['inferenceModel']"),
        ("binary", "  positiveClassLabel: a\n", 4, "Missing keys: ['negativeClassLabel']"),
        ("multiclass", "", 3, "Missing keys: ['inferenceModel']"),
        ("multilabel", "  targetName: y\n", 4, "either the class labels or a class labels file"),
        ("multiclass", "  classLabelsFile: f\n  classLabels:\n    - a\n", 4, "but not both"),
    ],
)
def test_trained_models_have_labels(
    tmp_path: Path, kind: str, section: str, line: int, said: str
) -> None:
    """The metadata of a trained model with classes must say which; those of a task need not."""
    text = f"name: n\ntype: inference\ntargetType: {kind}\n"
    text += f"inferenceModel:\n{section}" if section else ""
    at, problem = error(tmp_path, text)
    assert said in problem
    assert at == line
    assert read(tmp_path, text.replace("inference\n", "training\n")).target_type == kind


def test_several_values_for_one_end_with_three(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A condition that compares with one value and has several ends with the status 3."""
    rows = "    - field: data_types\n      condition: EQUALS\n      value:\n"
    rows += "        - NUM\n        - CAT\n"
    folder = written(tmp_path, HEAD + "typeSchema:\n  input_requirements:\n" + rows)
    (folder / "custom.py").write_text("def score(data, model): ...\n")
    (folder / "in.csv").write_text("x\n1\n")
    assert main(["score", "-cd", str(folder), "--input", str(folder / "in.csv")]) == 3
    assert "takes one value, got 2; use IN or NOT_IN" in capsys.readouterr().err


def schema() -> dict[str, object]:
    """The JSON Schema that the command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "drum_core", "schema"], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_the_schema_takes_what_is_read(tmp_path: Path) -> None:
    """`drum schema` prints a valid JSON Schema, which takes the file with every key there is."""
    validator = jsonschema.Draft202012Validator
    found = schema()
    validator.check_schema(found)
    # As an editor reads it: with typed scalars.
    assert list(validator(found).iter_errors(yaml.safe_load(WHOLE))) == []
    properties = found["properties"]
    assert isinstance(properties, dict)
    assert set(properties) == set(yaml.safe_load(WHOLE))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (HEAD + "targetName: y\n", []),
        ("name: n\ntype: training\n", []),
        (HEAD.replace("regression", "regresion"), ["targetType"]),
        ("name: n\ntype: inference\ntargetType: binary\n", []),
        (
            HEAD + "hyperparameters:\n  - name: a\n    type: int\n    min: x\n    max: 2\n",
            ["hyperparameters", 0],
        ),
        (HEAD + "inputSchema:\n  type: array\n  properties:\n    a: b\n", ["inputSchema", "type"]),
        (HEAD + "hyperparameters:\n  - name: a1\n    type: string\n", ["hyperparameters", 0]),
    ],
)
def test_the_schema_refuses_what_is_refused(
    tmp_path: Path, text: str, where: list[str | int]
) -> None:
    """What is an error when it is read is one in an editor, at the same place."""
    with pytest.raises(MetadataError):
        read(tmp_path, text)
    problems = list(jsonschema.Draft202012Validator(schema()).iter_errors(yaml.safe_load(text)))
    assert [list(problem.absolute_path) for problem in problems] == [where]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("fieldName", "''"),
        ("type", "text"),
        ("minValue", "low"),
        ("maxValue", "'1 or 2'"),
        ("allowedValues", "1"),
        ("allowEmpty", "never"),
        ("credentialType", "7"),
    ],
)
def test_runtime_parameters_in_an_editor(tmp_path: Path, key: str, value: str) -> None:
    """A wrong definition is an error at the same place, once a file gives values for it."""
    lines = [f"{name}: {text}" for name, text in {**PARAMETER, key: value}.items()]
    text = HEAD + "runtimeParameterDefinitions:\n  - " + "\n    ".join(lines) + "\n"
    values = tmp_path / "values.yaml"
    values.write_text("b: 1\n")
    assert read(tmp_path, text).runtime_parameter_definitions is not None
    number = text.splitlines().index(f"  - {lines[0]}") + 1 + lines.index(f"{key}: {value}")
    with pytest.raises(ParameterLoadError, match=f"{METADATA_FILE}, line {number}: .*'{key}'"):
        read_values(tmp_path, values)
    problems = list(jsonschema.Draft202012Validator(schema()).iter_errors(yaml.safe_load(text)))
    assert [list(problem.absolute_path) for problem in problems] == [
        ["runtimeParameterDefinitions", 0, key]
    ]


def test_schema_takes_no_words(capsys: pytest.CaptureFixture[str]) -> None:
    """`drum schema` with words after it is wrong usage."""
    assert main(["schema", "x"]) == 2
    assert "unrecognized arguments: x" in capsys.readouterr().err


def test_the_document_says_what_is_checked() -> None:
    """The tables of docs/metadata.md are those that the models give."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.count("<!-- keys of ") > 10
    assert with_tables(text) == text, "run: python -m tests.core.metadata_tables"
