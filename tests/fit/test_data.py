"""What training code is given: rows, target, weights, labels, parameters."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import scipy.io
import scipy.sparse

from drum_core.errors import OptionConflictError
from tests.fit.folders import NUMBERS, RECORDER, fit, iris, rows_file, task_folder

A = [1, 2, 3, 4, 5, 6]
B = [2, 1, 5, 4, 9, 2]
Y = [5, 4, 13, 12, 23, 10]


def told(folder: Path, **options: object) -> dict[str, object]:
    """What the hook was given."""
    fit(folder, **options)
    found: dict[str, object] = json.loads((folder.parent / "out" / "told.json").read_text())
    return found


def test_target_is_a_column(tmp_path: Path) -> None:
    """The target column goes to y, with its name; the others are X."""
    found = told(task_folder(tmp_path, RECORDER))
    assert found["X"] == {"a": A, "b": B}
    assert (found["y"], found["y_name"]) == (Y, "y")
    assert (found["row_weights"], found["class_order"], found["parameters"]) == (None, None, {})


def test_target_and_weights_are_files(tmp_path: Path) -> None:
    """The first column of each file is used, in any format that the input may have."""
    folder = task_folder(tmp_path, RECORDER)
    features = rows_file(tmp_path, pd.DataFrame({"a": A}).to_csv(index=False), "x.csv")
    pd.DataFrame({"y": Y}).to_parquet(tmp_path / "y.parquet")
    weights = rows_file(tmp_path, pd.DataFrame({"w": A, "z": B}).to_csv(index=False), "w.csv")
    found = told(folder, input=features, target_csv=tmp_path / "y.parquet", row_weights_csv=weights)
    assert (found["X"], found["y"], found["row_weights"]) == ({"a": A}, Y, A)


def test_weights_are_a_column(tmp_path: Path) -> None:
    """The column with the weights is not among the features."""
    found = told(
        task_folder(tmp_path, RECORDER), input=rows_file(tmp_path), target="y", row_weights="b"
    )
    assert (found["X"], found["row_weights"]) == ({"a": A}, B)


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "json", "jsonl", "csv.gz"])
def test_input_of_any_format(tmp_path: Path, suffix: str) -> None:
    """The input is read by its extension, as when it is scored."""
    frame, path = pd.DataFrame({"a": A, "b": B, "y": Y}), tmp_path / f"rows.{suffix}"
    match suffix:
        case "parquet":
            frame.to_parquet(path)
        case "arrow":
            frame.to_feather(path)
        case "json":
            frame.to_json(path, orient="records")
        case "jsonl":
            frame.to_json(path, orient="records", lines=True)
        case _:
            frame.to_csv(path, index=False)
    found = told(task_folder(tmp_path, RECORDER), input=path, target="y")
    assert (found["X"], found["y"]) == ({"a": A, "b": B}, Y)


def test_odd_column_names(tmp_path: Path) -> None:
    """A column may be called by a number, a sign or a sentence in another script."""
    names = ["1", "ζήτα, und", '"q"', " "]
    frame = pd.DataFrame([[1, 2, 3, 4], [2, 3, 4, 6]], columns=pd.Index(names))
    path = tmp_path / "rows.csv"
    frame.to_csv(path, index=False)
    found = told(task_folder(tmp_path, RECORDER), input=path, target="ζήτα, und", row_weights="1")
    assert found["X"] == {'"q"': [3, 4], " ": [4, 6]}
    assert (found["y"], found["row_weights"]) == ([2, 3], [1, 2])


def test_sparse_input_leaves_the_column_file_alone(tmp_path: Path) -> None:
    """Target and weights of a sparse matrix are dense, and the file of names stays as it is."""
    names = tmp_path / "names"
    names.write_text("a\nb\nw\ny\n")
    matrix = scipy.sparse.csr_matrix([[0, 1, 1, 4], [2, 0, 0, 0], [0, 3, 2, 7]])
    scipy.io.mmwrite(tmp_path / "rows.mtx", matrix)
    found = told(
        task_folder(tmp_path, RECORDER),
        input=tmp_path / "rows.mtx",
        sparse_column_file=names,
        target="y",
        row_weights="w",
    )
    assert (found["y"], found["row_weights"]) == ([4, 0, 7], [1, 0, 2])
    assert found["X"] == {"a": [0, 2, 0], "b": [1, 0, 3]}
    assert names.read_text() == "a\nb\nw\ny\n"
    assert (tmp_path / "out" / "sparse-columns.txt").read_text() == "a\nb\n"


def test_sparse_target_and_weights_become_dense(tmp_path: Path) -> None:
    """Target and weights may be files of sparse matrices; the code gets ordinary columns."""
    scipy.io.mmwrite(tmp_path / "y.mtx", scipy.sparse.csr_matrix([[0], [5], [0]]))
    scipy.io.mmwrite(tmp_path / "w.mtx", scipy.sparse.csr_matrix([[1], [0], [2]]))
    found = told(
        task_folder(tmp_path, RECORDER),
        input=rows_file(tmp_path, "a\n1\n2\n3\n"),
        target_csv=tmp_path / "y.mtx",
        row_weights_csv=tmp_path / "w.mtx",
    )
    assert (found["y"], found["row_weights"]) == ([0, 5, 0], [1, 0, 2])


def test_code_may_change_what_it_is_given(tmp_path: Path) -> None:
    """Code that changes its table in place does not change what is reported and tried."""
    code = RECORDER.replace(
        "told = {",
        'X["c"] = X.pop("a")\n        X.loc[0, "b"] = 99\n        y[:] = 0\n        told = {',
    )
    result = fit(task_folder(tmp_path, code))
    assert result.columns == 2
    assert json.loads((tmp_path / "out" / "told.json").read_text())["X"]["b"][0] == 99


def test_nameless_columns_are_numbered_again(tmp_path: Path) -> None:
    """Without names the target is called by its number, and the rest as when it is scored."""
    matrix = scipy.sparse.csr_matrix([[5, 1, 2], [6, 0, 3], [9, 1, 1]])
    scipy.io.mmwrite(tmp_path / "rows.mtx", matrix)
    found = told(task_folder(tmp_path, RECORDER), input=tmp_path / "rows.mtx", target="0")
    assert (found["X"], found["y"]) == ({"0": [1, 0, 1], "1": [2, 3, 1]}, [5, 6, 9])


def test_num_rows_keeps_rows_together_and_repeats_itself(tmp_path: Path) -> None:
    """A sample is the same each time, in order, and each row keeps its target and weight."""
    rows = "a,w,y\n" + "".join(f"{n},{n + 1},{2 * n}\n" for n in range(200))
    folder = task_folder(tmp_path, RECORDER)
    asked = {"input": rows_file(tmp_path, rows), "target": "y", "row_weights": "w"}
    found = told(folder, **asked, num_rows="20", output=tmp_path / "out")
    again = fit(folder, **asked, num_rows=20, output=tmp_path / "again")
    drawn = found["X"]["a"]  # type: ignore[index]  # a dict
    assert len(drawn) == again.rows == 20
    assert drawn == sorted(drawn)
    assert drawn != list(range(20))
    assert found["y"] == [2 * n for n in drawn]
    assert found["row_weights"] == [n + 1 for n in drawn]
    assert json.loads((tmp_path / "again" / "told.json").read_text()) == found


def test_num_rows_keeps_a_rare_class(tmp_path: Path) -> None:
    """Each class has a row in the sample, however rare it is."""
    rows = "a,y\n" + "".join(f"{n},{'rare' if n == 777 else 'common'}\n" for n in range(1000))
    folder = task_folder(tmp_path, RECORDER, "binary")
    found = told(folder, input=rows_file(tmp_path, rows), target="y", num_rows=10)
    assert sorted(set(found["y"])) == ["common", "rare"]  # type: ignore[call-overload]  # a list


def test_num_rows_over_what_there_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """More rows than there are means all, and a warning."""
    assert fit(task_folder(tmp_path, RECORDER), num_rows=100).rows == 6
    assert "--num-rows is 100, the input has 6 rows: all are used" in caplog.text


def test_binary_labels_are_found_in_drums_order(tmp_path: Path) -> None:
    """The first label of the alphabet is the positive one; class_order begins with it."""
    folder = task_folder(tmp_path, RECORDER, "binary")
    rows = rows_file(tmp_path, "a,y\n1,yes\n2,no\n3,yes\n")
    found = told(folder, input=rows, target="y")
    assert found["class_order"] == ["no", "yes"]


def test_given_labels_keep_their_order(tmp_path: Path) -> None:
    """class_order is the positive and the negative label of a binary task, as given."""
    folder = task_folder(tmp_path, RECORDER, "binary")
    rows = rows_file(tmp_path, "a,y\n1,1\n2,0\n3,1\n")
    found = told(folder, input=rows, target="y", positive_class_label="1", negative_class_label="0")
    assert found["class_order"] == ["1", "0"]


def test_multiclass_labels_are_found(tmp_path: Path) -> None:
    """The labels of a multiclass task are those of the target, in order."""
    rows = rows_file(tmp_path, iris().to_csv(index=False))
    folder = task_folder(tmp_path, RECORDER, "multiclass")
    result = fit(folder, input=rows, target="species")
    assert result.labels == ("setosa", "versicolor", "virginica")
    assert result.labels_found


def test_multilabel_target_has_a_column_for_each_label(tmp_path: Path) -> None:
    """The labels of a multilabel task are the columns of the file, and y is a table."""
    folder = task_folder(tmp_path, RECORDER, "multilabel")
    target = rows_file(tmp_path, "red,blue\n1,0\n0,1\n1,1\n", "y.csv")
    found = told(folder, input=rows_file(tmp_path, "a\n1\n2\n3\n"), target_csv=target)
    assert found["class_order"] == ["red", "blue"]
    assert found["y"] == {"red": [1, 0, 1], "blue": [0, 1, 1]}


def test_multilabel_target_of_one_column_needs_labels(tmp_path: Path) -> None:
    """Labels within one column are not found, as under DRUM; given, they are passed on."""
    folder = task_folder(tmp_path, RECORDER, "multilabel")
    rows = rows_file(tmp_path, "a,y\n1,red\n2,blue\n3,red blue\n")
    with pytest.raises(OptionConflictError, match="give --class-labels"):
        fit(folder, input=rows, target="y")
    found = told(folder, input=rows, target="y", class_labels=("red", "blue"))
    assert found["y"] == ["red", "blue", "red blue"]


@pytest.mark.parametrize("kind", ["anomaly", "transform", "vectordatabase"])
def test_tasks_without_target(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """These are fitted without a target: y is None, also when only the metadata say the type."""
    monkeypatch.setenv("TARGET_NAME", "answer")
    found = told(task_folder(tmp_path, RECORDER, kind), input=rows_file(tmp_path))
    assert found["y"] is None


def test_text_target_is_named_by_its_column(tmp_path: Path) -> None:
    """A text model needs no TARGET_NAME when it is fitted to a column."""
    folder = task_folder(tmp_path, RECORDER, "textgeneration")
    rows = rows_file(tmp_path, "prompt,answer\na,b\nc,d\n")
    assert fit(folder, input=rows, target="answer").target_name == "answer"


def test_transform_hook_prepares_the_data(tmp_path: Path) -> None:
    """A hook transform is called before fit, without a model; not for a transform task."""
    code = RECORDER + "\n    def transform(data, model):\n        return data + 100\n"
    made = told(task_folder(tmp_path / "r", code))
    assert made["X"] == {"a": [n + 100 for n in A], "b": [n + 100 for n in B]}
    as_is = told(task_folder(tmp_path / "t", code, "transform"))
    assert as_is["X"] == {"a": A, "b": B}


def test_fit_hook_of_few_arguments(tmp_path: Path) -> None:
    """What a hook has no place for is left out; init is called first; it may be a coroutine."""
    code = """\
        where = []
        def init(code_dir):
            where.append(code_dir)
        async def fit(X, output_dir):
            with open(output_dir + "/where.txt", "w") as file:
                file.write(where[0])
        """
    folder = task_folder(tmp_path, code, "anomaly")
    fit(folder, input=rows_file(tmp_path))
    assert (tmp_path / "out" / "where.txt").read_text() == str(folder)


def test_missing_targets_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Some missing values in a target are the code's affair, but are warned of."""
    rows = rows_file(tmp_path, NUMBERS + "1,1,\n")
    fit(task_folder(tmp_path, RECORDER), input=rows, target="y")
    assert "1 of 7 values are missing" in caplog.text
