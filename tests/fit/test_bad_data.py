"""Targets, weights and samples that cannot be learnt from: one error, before any code runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from drum_core.errors import DrumError, InputError, OptionConflictError, OptionError
from tests.fit.folders import NUMBERS, fit, rows_file, task_folder

NEVER = """\
    def fit(X, y, output_dir, **kwargs):
        open(output_dir + "/../ran", "w").close()
    """


def refused(tmp_path: Path, kind: str, rows: str, error: type[DrumError], **options: object) -> str:
    """The error's text; the code has not run, and nothing is left."""
    folder = task_folder(tmp_path, NEVER, kind)
    given = {"target": "y", "input": rows_file(tmp_path, rows), **options}
    with pytest.raises(error) as raised:
        fit(folder, **given)
    assert {path.name for path in tmp_path.iterdir()} <= {"task", "rows.csv", "y.csv", "w.csv"}
    return str(raised.value)


def test_missing_column(tmp_path: Path) -> None:
    """A column that is not there is named, with those that are and the likely one."""
    said = refused(tmp_path, "regression", NUMBERS, InputError, target="Y")
    assert "The column 'Y' for the target is not in" in said
    assert "'a', 'b', 'y'" in said
    said = refused(tmp_path, "regression", NUMBERS, InputError, row_weights="weight")
    assert "The column 'weight' for the row weights" in said


@pytest.mark.parametrize(
    ("kind", "values", "part"),
    [
        ("regression", "7,7,7,7", "every value is 7"),
        ("binary", "yes,yes,yes,yes", "every value is 'yes'"),
        ("multiclass", "1,1,1,1", "every value is 1"),
        ("regression", ",,,", "every value is missing"),
        ("binary", ",,,", "every value is missing"),
        ("regression", "1,two,3,4", "there is 'two'"),
        ("regression", "1,inf,3,4", "1 values are infinite"),
        ("binary", "1,2,3,1", "has 3: '1', '2', '3'. Use --target-type multiclass, or regression"),
        ("binary", "a,b,c,a", "has 3: 'a', 'b', 'c'. Use --target-type multiclass."),
        ("multiclass", "1.5,2.25,3.5,4.75", "4 different numbers in 4 rows"),
        ("multilabel", "a,b,a,b", "labels of a multilabel model cannot be found in one column"),
    ],
)
def test_target_of_the_wrong_kind(tmp_path: Path, kind: str, values: str, part: str) -> None:
    """A constant, missing or unfit target is an error that says what was found."""
    rows = "a,y\n" + "".join(f"{n},{value}\n" for n, value in enumerate(values.split(",")))
    error = OptionConflictError if kind == "multilabel" else InputError
    assert part in refused(tmp_path, kind, rows, error)


def test_multilabel_columns_hold_nought_and_one(tmp_path: Path) -> None:
    """A label's column says whether a row has it, and nothing else."""
    rows = "a\n1\n2\n"
    target = rows_file(tmp_path, "red,blue\n1,0\n2,0\n", "y.csv")
    said = refused(tmp_path, "multilabel", rows, InputError, target=None, target_csv=target)
    assert "the column 'red' has" in said
    target = rows_file(tmp_path, "red,blue\n1,0\n1,0\n", "y.csv")
    said = refused(tmp_path, "multilabel", rows, InputError, target=None, target_csv=target)
    assert "every label is the same in all rows" in said


def test_labels_that_are_not_the_targets(tmp_path: Path) -> None:
    """A value of the target that is no given label is named; an absent label is warned of."""
    rows = "a,y\n1,x\n2,y\n3,z\n"
    labels = {"positive_class_label": "x", "negative_class_label": "y"}
    said = refused(tmp_path, "binary", rows, InputError, **labels)
    assert "there is 'z', which is not among the class labels 'x', 'y'" in said


def test_labels_of_another_spelling_are_the_same(tmp_path: Path) -> None:
    """1 and True are one label, as they are in predictions."""
    code = "def fit(X, output_dir, class_order): open(output_dir + '/m.pkl', 'w').close()"
    folder = task_folder(tmp_path, code, "binary")
    rows = rows_file(tmp_path, "a,y\n1,True\n2,False\n")
    labels = {"positive_class_label": "1", "negative_class_label": "0"}
    assert fit(folder, input=rows, target="y", **labels).labels == ("1", "0")


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ("1,-2,3,-4,5,6", "2 are negative, the first in row 1"),
        ("1,2,,4,5,6", "1 are missing, the first in row 2"),
        ("1,2,3,inf,5,6", "1 are infinite"),
        ("1,2,heavy,4,5,6", "there is 'heavy'"),
        ("0,0,0,0,0,0", "every weight is 0"),
        ("1,2,3,4,5", "has 5 rows for the row weights, the input has 6"),
        ("1,2,3,4,5,6,7", "has 7 rows for the row weights, the input has 6"),
    ],
)
def test_bad_weights(tmp_path: Path, values: str, part: str) -> None:
    """Weights are numbers of at least 0, one for each row."""
    weights = rows_file(tmp_path, "w\n" + "\n".join(values.split(",")) + "\n", "w.csv")
    assert part in refused(tmp_path, "regression", NUMBERS, InputError, row_weights_csv=weights)


def test_target_file_of_another_length(tmp_path: Path) -> None:
    """One row fewer than the input may be a missing header."""
    target = rows_file(tmp_path, "1\n2\n3\n4\n5\n6\n", "y.csv")
    said = refused(tmp_path, "regression", NUMBERS, InputError, target=None, target_csv=target)
    assert "has 5 rows for the target, the input has 6" in said
    assert "taken for a header" in said


def test_target_that_is_the_weight(tmp_path: Path) -> None:
    """One column is not both."""
    said = refused(tmp_path, "regression", NUMBERS, InputError, row_weights="y")
    assert "cannot be both" in said


def test_no_features(tmp_path: Path) -> None:
    """Beside the target there must be something to learn from."""
    assert "no columns beside" in refused(tmp_path, "regression", "y\n1\n2\n", InputError)


def test_target_asked_for_and_forbidden(tmp_path: Path) -> None:
    """A target is demanded, or refused, by the type, wherever that is said."""
    said = refused(tmp_path, "anomaly", NUMBERS, OptionConflictError)
    assert "An anomaly model is fitted without a target" in said
    said = refused(tmp_path, "regression", NUMBERS, OptionConflictError, target=None)
    assert "give --target COLUMN, or --target-csv FILE" in said


def test_unstructured_cannot_be_fitted(tmp_path: Path) -> None:
    """An unstructured model has no table to be fitted to."""
    said = refused(tmp_path, "unstructured", NUMBERS, DrumError)
    assert "An unstructured model cannot be fitted" in said


@pytest.mark.parametrize("rows", ["0", "-1", "some", "1.5", ""])
def test_num_rows_is_a_number_or_all(tmp_path: Path, rows: str) -> None:
    """Anything but ALL and a number from 1 on is wrong usage."""
    said = refused(tmp_path, "regression", NUMBERS, OptionError, num_rows=rows)
    assert "num_rows: expected ALL or a whole number of at least 1" in said


def test_fewer_rows_than_classes(tmp_path: Path) -> None:
    """A sample that cannot have every class is an error."""
    rows = "a,y\n1,x\n2,y\n3,z\n"
    said = refused(tmp_path, "multiclass", rows, InputError, num_rows=2)
    assert "--num-rows is 2, but" in said


@pytest.mark.parametrize("text", ["a,b\n", "", "a,b,y\n1,2\n1,2,3,4\n"])
def test_input_that_is_no_table(tmp_path: Path, text: str) -> None:
    """The error of the reader says which of the files it is about."""
    assert "rows.csv: The input" in refused(tmp_path, "regression", text, InputError)
