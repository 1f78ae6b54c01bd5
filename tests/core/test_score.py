"""Batch scoring through the embedding API, on real folders."""

from __future__ import annotations

import threading
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier

from drum_core import (
    CMRunner,
    DrumRuntime,
    RunMode,
    ScoreOptions,
    ScoreResult,
    TargetType,
    Worker,
)
from drum_core.errors import DrumError, InputError, OutputError, PredictionError
from tests.model_folders import (
    ANOMALY,
    BINARY,
    DOUBLE,
    MULTICLASS,
    MULTILABEL,
    binary_model,
    iris_model,
    iris_rows,
    linear_model,
    make_folder,
)


def score(folder: Path, csv: str | bytes, **options: object) -> ScoreResult:
    """Scores `csv` with the model in `folder`."""
    data = folder.parent / "input.csv"
    data.write_bytes(csv.encode() if isinstance(csv, str) else csv)
    made = ScoreOptions(code_dir=folder, input=data, **options)  # type: ignore[arg-type]  # test data
    with DrumRuntime(made) as runtime:
        return CMRunner(runtime).run()


def test_regression_gives_one_column(tmp_path: Path) -> None:
    """A scikit-learn regressor gives the column Predictions, one value a row."""
    folder = make_folder(tmp_path / "m", artifact=linear_model())
    result = score(folder, "a,b\n1,1\n2,0\n")
    assert list(result.predictions.columns) == ["Predictions"]
    assert result.predictions["Predictions"].tolist() == pytest.approx([4, 6])
    assert result.rows == 2
    assert result.output is None


def test_features_are_found_by_name(tmp_path: Path) -> None:
    """Columns in another order, and columns the model does not know, change nothing."""
    folder = make_folder(tmp_path / "m", artifact=linear_model())
    plain = score(folder, "a,b\n1,2\n").predictions
    mixed = score(folder, "id,b,a\n77,2,1\n").predictions
    assert plain.equals(mixed)


def test_binary_labels_are_spelled_as_requested(tmp_path: Path) -> None:
    """Columns come in the model's order with the label texts of the metadata."""
    folder = make_folder(tmp_path / "m", metadata=BINARY, artifact=binary_model())
    frame = score(folder, "x\n3\n-3\n").predictions
    assert list(frame.columns) == ["no", "yes"]
    assert frame["yes"].tolist()[0] > 0.9 > frame["yes"].tolist()[1]


@pytest.mark.parametrize("classes", [(0, 1), (0.0, 1.0), (False, True), ("0", "1"), ("No", "YES")])
def test_labels_match_by_meaning(tmp_path: Path, classes: tuple[object, object]) -> None:
    """Classes 0 and 1, false and true, No and YES are the labels no and yes."""
    folder = make_folder(tmp_path / "m", metadata=BINARY, artifact=binary_model(classes))
    assert list(score(folder, "x\n3\n").predictions.columns) == ["no", "yes"]


def test_labels_that_disagree_are_refused(tmp_path: Path) -> None:
    """A model with other classes than the metadata names both sets."""
    folder = make_folder(tmp_path / "m", metadata=BINARY, artifact=binary_model(("cat", "dog")))
    with pytest.raises(PredictionError, match=r"'no', 'yes'.*'cat', 'dog'"):
        score(folder, "x\n3\n")


def test_multiclass_rows_sum_to_one(tmp_path: Path) -> None:
    """A multiclass model gives one probability for each label."""
    folder = make_folder(tmp_path / "m", metadata=MULTICLASS, artifact=iris_model())
    frame = score(folder, iris_rows(20)).predictions
    assert list(frame.columns) == ["setosa", "versicolor", "virginica"]
    assert np.allclose(frame.sum(axis=1), 1.0)


@pytest.mark.parametrize("kind", ["one-vs-rest", "list"])
def test_multilabel_gives_each_probability(tmp_path: Path, kind: str) -> None:
    """Both shapes in which scikit-learn gives multilabel probabilities are understood."""
    rows = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})
    truth = np.array([[1, 0, 1], [1, 1, 0], [0, 1, 1], [0, 0, 1]])
    if kind == "list":
        model = KNeighborsClassifier(n_neighbors=2).fit(rows, truth)
    else:
        model = OneVsRestClassifier(KNeighborsClassifier(n_neighbors=2)).fit(rows, truth)
    folder = make_folder(tmp_path / "m", metadata=MULTILABEL, artifact=model)
    frame = score(folder, "x\n0\n3\n").predictions
    assert list(frame.columns) == ["setosa", "versicolor", "virginica"]
    assert frame["setosa"].tolist() == [1.0, 0.0]


def test_label_that_training_never_saw(tmp_path: Path) -> None:
    """A label without a positive row in training has probability 0, one without a negative 1."""
    rows = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})
    truth = np.array([[1, 0, 1], [1, 0, 1], [0, 0, 1], [0, 0, 1]])
    model = KNeighborsClassifier(n_neighbors=1).fit(rows, truth)
    folder = make_folder(tmp_path / "m", metadata=MULTILABEL, artifact=model)
    frame = score(folder, "x\n0\n3\n").predictions
    assert frame.to_numpy().tolist() == [[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]


def test_multilabel_classes_with_names(tmp_path: Path) -> None:
    """Named classes of a multilabel model keep their columns; foreign names are refused."""
    folder = make_folder(tmp_path / "m", metadata=None, artifact=iris_model())
    asked = {"target_type": "multilabel", "class_labels": ("virginica", "setosa", "versicolor")}
    frame = score(folder, iris_rows(1), **asked).predictions
    assert list(frame.columns) == ["setosa", "versicolor", "virginica"]
    assert frame["setosa"].item() > 0.9
    with pytest.raises(PredictionError, match="'setosa'"):
        score(folder, iris_rows(1), target_type="multilabel", class_labels=("p", "q", "r"))


def test_anomaly_model_predicts(tmp_path: Path) -> None:
    """An anomaly model gives one score a row."""
    model = IsolationForest(n_estimators=5, random_state=0).fit(pd.DataFrame({"x": range(20)}))
    folder = make_folder(tmp_path / "m", metadata=ANOMALY, artifact=model)
    assert set(score(folder, "x\n5\n900\n").predictions["Predictions"]) <= {-1, 1}


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
def test_pickle_that_joblib_wrote(tmp_path: Path, compress: int | tuple[str, int]) -> None:
    """joblib's files are often called .pkl, with or without compression."""
    folder = make_folder(tmp_path / "m")
    joblib.dump(linear_model(), folder / "model.pkl", compress=compress)
    assert score(folder, "a,b\n1,1\n").predictions.to_numpy() == pytest.approx(4.0)


def test_joblib_artifact(tmp_path: Path) -> None:
    """A .joblib artifact is loaded, its extension in any case."""
    folder = make_folder(tmp_path / "m")
    joblib.dump(linear_model(), folder / "model.JOBLIB")
    assert score(folder, "a,b\n1,1\n").predictions["Predictions"].tolist() == pytest.approx([4])


def test_target_type_by_option_alone(tmp_path: Path) -> None:
    """Without metadata the options say everything."""
    folder = make_folder(tmp_path / "m", metadata=None, artifact=binary_model())
    labels = {"positive_class_label": "yes", "negative_class_label": "no"}
    frame = score(folder, "x\n3\n", target_type="binary", **labels).predictions
    assert list(frame.columns) == ["no", "yes"]


def test_output_file_is_written_whole(tmp_path: Path) -> None:
    """The output has a header, LF line ends, full floats, and no leftovers beside it."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    output = tmp_path / "out" / "predictions.csv"
    output.parent.mkdir()
    score(folder, "x\n0.1\n\n3\n", output=output)
    assert output.read_bytes() == b'Predictions\n0.2\n""\n6.0\n'
    assert [path.name for path in output.parent.iterdir()] == ["predictions.csv"]


def test_output_replaces_a_file_and_keeps_its_mode(tmp_path: Path) -> None:
    """A file that is there is replaced at once, with the permissions it had."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    output = tmp_path / "predictions.csv"
    output.write_text("old")
    output.chmod(0o640)
    score(folder, "x\n1\n2\n", output=output)
    assert output.read_text() == "Predictions\n2\n4\n"
    assert output.stat().st_mode & 0o777 == 0o640


def test_failed_scoring_leaves_the_old_output(tmp_path: Path) -> None:
    """When scoring fails, the file that was there is untouched."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    output = tmp_path / "predictions.csv"
    output.write_text("old")
    with pytest.raises(DrumError):
        score(folder, "y\n1\n2\n", output=output)
    assert output.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"m", "input.csv", "predictions.csv"}


def test_input_is_not_overwritten(tmp_path: Path) -> None:
    """An output that is the input, also by another path, is refused, and the input is kept."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    (tmp_path / "link.csv").symlink_to(tmp_path / "input.csv")
    for name in ("input.csv", "link.csv"):
        (tmp_path / "input.csv").write_text("")
        with pytest.raises(OutputError, match="it is the input"):
            score(folder, "x\n1\n", output=tmp_path / name)
        assert (tmp_path / "input.csv").read_text() == "x\n1\n"


@pytest.mark.parametrize("place", ["directory", "missing parent"])
def test_unwritable_output_is_found_before_the_model_is_loaded(tmp_path: Path, place: str) -> None:
    """An output that cannot be written fails before any user code runs."""
    custom = "open(__file__ + '.ran', 'w').close()\n" + DOUBLE
    folder = make_folder(tmp_path / "m", custom=custom)
    output = tmp_path if place == "directory" else tmp_path / "no" / "such" / "out.csv"
    with pytest.raises(OutputError, match="Cannot write"):
        score(folder, "x\n1\n2\n", output=output)
    assert not (folder / "custom.py.ran").exists()


def test_runner_attributes(tmp_path: Path) -> None:
    """A runner tells mode, options and target type without running."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    (tmp_path / "input.csv").write_text("x\n1\n")
    options = ScoreOptions(code_dir=folder, input=tmp_path / "input.csv")
    with DrumRuntime(options) as runtime:
        runner = CMRunner(runtime)
        assert runner.run_mode is RunMode.SCORE
        assert runner.options is options
        assert runner.target_type is TargetType.REGRESSION
        assert runner.app is None
        assert runner.worker_ctx.running()
        runner.terminate()
        runner.terminate()
        assert not runner.worker_ctx.running()


def test_worker_that_counts_as_false_is_used(tmp_path: Path) -> None:
    """A worker context that was passed in is the runner's, also one that has a length of 0."""

    class Empty(Worker):
        def __len__(self) -> int:
            return 0

    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    (tmp_path / "input.csv").write_text("x\n1\n")
    worker = Empty()
    with DrumRuntime(ScoreOptions(code_dir=folder, input=tmp_path / "input.csv")) as runtime:
        assert CMRunner(runtime, worker_ctx=worker).worker_ctx is worker


def test_two_folders_do_not_meet(tmp_path: Path) -> None:
    """Two models with files of the same names, in two threads, keep to their own files."""
    custom = """
        import pandas as pd
        import features

        def load_model(code_dir):
            return features.FACTOR

        def score(data, model, **kwargs):
            import late
            return pd.DataFrame({"Predictions": data["x"] * model + late.OFFSET})
    """
    folders = []
    for factor in (10, 100):
        folder = make_folder(tmp_path / f"m{factor}" / "m", custom=custom)
        (folder / "features.py").write_text(f"FACTOR = {factor}\n")
        (folder / "late.py").write_text(f"OFFSET = {factor}\n")
        folders.append(folder)
    found: dict[int, list[float]] = {}

    def run(index: int) -> None:
        found[index] = score(folders[index], "x\n1\n2\n").predictions["Predictions"].tolist()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {0: [20, 30], 1: [200, 300]}


def test_neighbours_of_neighbours_stay_in_their_folder(tmp_path: Path) -> None:
    """A helper that imports late, also by a name another folder has, gets its own folder's file."""
    custom = """
        import os, sys
        import pandas as pd
        sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
        import deep
        import outer

        def load_model(code_dir):
            return 1

        def score(data, model, **kwargs):
            return pd.DataFrame({"Predictions": data["x"] * outer.value() + deep.ZERO})
    """
    found = []
    for factor in (3, 4):
        folder = make_folder(tmp_path / f"n{factor}" / "m", custom=custom)
        (folder / "outer.py").write_text("def value():\n    import inner\n    return inner.V\n")
        (folder / "inner.py").write_text(f"V = {factor}\n")
        (folder / "lib").mkdir()
        (folder / "lib" / "deep.py").write_text("ZERO = 0\n")
        found.append(score(folder, "x\n1\n2\n").predictions["Predictions"].tolist())
    assert found == [[3, 6], [4, 8]]


def test_missing_column_is_named(tmp_path: Path) -> None:
    """A column the model needs and the input lacks is named, with what there is."""
    folder = make_folder(tmp_path / "m", artifact=linear_model())
    with pytest.raises(InputError, match=r"lacks 'b'.*It has 'a', 'c'"):
        score(folder, "a,c\n1,2\n")
