"""Hyperparameters: of a file, checked against their definitions, else by default."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drum_core.errors import DrumError, InputError, OptionConflictError
from tests.fit.folders import RECORDER, fit, task_folder

DEFINITIONS = """\
hyperparameters:
  - name: depth
    type: int
    min: 1
    max: 9
    default: 3
  - name: rate
    type: float
    min: 0.1
    max: 1
  - name: note
    type: string
  - name: kind
    type: select
    values:
      - gini
      - 10
    default: gini
  - name: features
    type: multi
    values:
      int:
        min: 1
        max: 5
      float:
        min: 0.5
        max: 0.9
      select:
        values:
          - sqrt
"""
DEFAULTS = {"depth": 3, "rate": 0.1, "note": "", "kind": "gini", "features": 0.5}


def parameters(tmp_path: Path, content: str | None, definitions: str = DEFINITIONS) -> object:
    """What the hook is given, with a parameter file of this content."""
    folder = task_folder(tmp_path, RECORDER, more=definitions)
    options: dict[str, object] = {}
    if content is not None:
        options["parameter_file"] = tmp_path / "parameters.json"
        (tmp_path / "parameters.json").write_text(content)
    fit(folder, **options)
    return json.loads((tmp_path / "out" / "told.json").read_text())["parameters"]


@pytest.mark.parametrize("content", [None, "{}", "null"])
def test_defaults_without_values(tmp_path: Path, content: str | None) -> None:
    """Without a file, or with an empty one, every hyperparameter has its default."""
    assert parameters(tmp_path, content) == DEFAULTS


def test_given_values_are_all_there_is(tmp_path: Path) -> None:
    """Values of the file are passed as they are; as under DRUM no default joins them."""
    assert parameters(tmp_path, '{"depth": 9, "rate": 1}') == {"depth": 9, "rate": 1}


@pytest.mark.parametrize("value", ["1", "0.7", '"sqrt"'])
def test_multi_takes_each_of_its_kinds(tmp_path: Path, value: str) -> None:
    """A multi hyperparameter is a whole number, a number or a text."""
    assert parameters(tmp_path, f'{{"features": {value}}}') == {"features": json.loads(value)}


def test_texts_of_a_select_may_be_numbers(tmp_path: Path) -> None:
    """Values are texts in the metadata; the number 10 of JSON is the text 10."""
    assert parameters(tmp_path, '{"kind": 10}') == {"kind": 10}


def test_without_definitions_anything_goes(tmp_path: Path) -> None:
    """Any JSON object is passed on when the metadata define nothing."""
    assert parameters(tmp_path, '{"any": [1, {"thing": null}]}', "") == {
        "any": [1, {"thing": None}]
    }


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ('{"depth": 10}', "'depth' must be a whole number from 1 to 9"),
        ('{"depth": 0}', "got 0"),
        ('{"depth": 2.5}', "got 2.5"),
        ('{"depth": "3"}', "got '3'"),
        ('{"depth": true}', "got True"),
        ('{"depth": null}', "got None"),
        ('{"rate": 0.05}', "'rate' must be a number from 0.1 to 1"),
        ('{"rate": "fast"}', "got 'fast'"),
        ('{"note": 5}', "'note' must be a text of at most 1024 characters"),
        (json.dumps({"note": "x" * 1025}), "a text of at most"),
        ('{"kind": "entropy"}', "'kind' must be one of 'gini', '10'"),
        ('{"kind": ["gini"]}', "one of"),
        ('{"features": 6}', "a whole number from 1 to 5, or a number from 0.5 to 0.9, or one of"),
        ('{"features": "log"}', "got 'log'"),
        ('{"depht": 3}', "defines no hyperparameter 'depht'; it has 'depth', 'rate', 'note'"),
        ('{"depht": 3}', "Did you mean 'depth'?"),
    ],
)
def test_values_that_are_not_allowed(tmp_path: Path, content: str, part: str) -> None:
    """A value out of bounds, of another type or of no hyperparameter is an error."""
    with pytest.raises(OptionConflictError) as raised:
        parameters(tmp_path, content)
    assert part in str(raised.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content",
    [
        *("", "[1]", "5", '{"a": ', '{"rate": NaN}', '{"rate": Infinity}'),
        '{"depth": 3, "depth": 4}',
    ],
)
def test_files_that_are_no_object(tmp_path: Path, content: str) -> None:
    """A parameter file holds one object of JSON."""
    with pytest.raises(InputError, match=r"The parameter file .*parameters.json"):
        parameters(tmp_path, content)


def test_default_out_of_bounds(tmp_path: Path) -> None:
    """A metadata file with a default out of its own bounds is refused before anything runs."""
    with pytest.raises(DrumError, match="values must be between"):
        parameters(tmp_path, None, DEFINITIONS.replace("default: 3", "default: 30"))
