"""The output folder: whole or not at all, complete enough to be scored, never where the code is."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from drum_core import CMRunner, DrumRuntime, FitOptions, ScoreOptions, TargetType
from drum_core.errors import (
    ArtifactError,
    DrumError,
    HookError,
    HookFailedError,
    ModelFolderError,
    OutputError,
)
from drum_core.user.errors import TaskSerializationError
from tests.fit.folders import (
    CLASSIFIER,
    LINEAR,
    RECORDER,
    fit,
    iris,
    rows_file,
    score,
    task_folder,
    training,
)
from tests.model_folders import make_folder

TASK = """\
    import pandas as pd
    from sklearn.linear_model import LinearRegression
    from datarobot_drum.custom_task_interfaces import RegressionEstimatorInterface

    class CustomTask(RegressionEstimatorInterface):
        def fit(self, X, y, parameters=None, row_weights=None, **kwargs):
            self.estimator = LinearRegression().fit(X, y)
            return self

        def predict(self, X, **kwargs):
            return pd.DataFrame(self.estimator.predict(X))
    """


def left_over(tmp_path: Path) -> set[str]:
    """What there is beside the task and its data."""
    return {path.name for path in tmp_path.iterdir()} - {"task", "rows.csv"}


def test_hook_folder_can_be_scored(tmp_path: Path) -> None:
    """The output has the artifact, the code, a README and what was found out; it scores."""
    folder = task_folder(tmp_path, LINEAR)
    (folder / "pkg").mkdir()
    (folder / "pkg" / "note.txt").write_text("kept")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_text("left out")
    result = fit(folder)
    out = tmp_path / "out"
    assert result.output == out
    assert [(file.path.as_posix(), file.source) for file in result.files] == [
        ("model.pkl", "fit"),
        ("custom.py", "folder"),
        ("model-metadata.yaml", "folder"),
        ("pkg/note.txt", "folder"),
        ("README.md", "drum"),
        ("drum-fit.json", "drum"),
    ]
    assert all((out / file.path).stat().st_size == file.size for file in result.files)
    assert len((out / "README.md").read_text().splitlines()) == 2
    assert score(out, "a,b\n1,2\n3,5\n")["Predictions"].round(6).tolist() == [5.0, 13.0]


def test_labels_need_not_be_repeated(tmp_path: Path) -> None:
    """Type and labels that were found, or told by options, hold for the output without options."""
    folder = make_folder(tmp_path / "task", metadata=None, custom=CLASSIFIER)
    rows = rows_file(tmp_path, iris().to_csv(index=False))
    fit(folder, input=rows, target="species", target_type=TargetType.MULTICLASS)
    features = iris().drop(columns="species").head(3).to_csv(index=False)
    columns = score(tmp_path / "out", features).columns.tolist()
    assert columns == ["setosa", "versicolor", "virginica"]
    options = ScoreOptions(code_dir=tmp_path / "out", input=rows)
    with DrumRuntime(options) as runtime:
        assert CMRunner(runtime).target_type is TargetType.MULTICLASS


def test_found_labels_yield_to_options(tmp_path: Path) -> None:
    """Labels that were found may be given in the other order later, as DRUM's users do."""
    folder = make_folder(tmp_path / "task", metadata=None, custom=CLASSIFIER)
    rows = rows_file(tmp_path, "a,y\n1,yes\n2,no\n3,yes\n4,no\n")
    fit(folder, input=rows, target="y", target_type=TargetType.BINARY)
    options = ScoreOptions(
        code_dir=tmp_path / "out",
        input=rows_file(tmp_path, "a\n1\n", "x.csv"),
        target_type=TargetType.BINARY,
        positive_class_label="yes",
        negative_class_label="no",
    )
    with DrumRuntime(options) as runtime:
        predictions = CMRunner(runtime).run().predictions
    assert predictions.columns.tolist() == ["no", "yes"]


def test_damaged_record_is_told(tmp_path: Path) -> None:
    """A drum-fit.json that is none is an error that names it."""
    fit(task_folder(tmp_path, LINEAR))
    (tmp_path / "out" / "drum-fit.json").write_text("{")
    with pytest.raises(ModelFolderError, match=r"drum-fit\.json cannot be read"):
        score(tmp_path / "out", "a,b\n1,2\n")


def test_task_is_saved_into_the_output_only(tmp_path: Path) -> None:
    """A CustomTask is written to the output, not into the code directory, and scores."""
    folder = task_folder(tmp_path, TASK)
    before = sorted(folder.iterdir())
    result = fit(folder)
    assert result.files[0].path == Path("drum_artifact.pkl")
    assert [path for path in sorted(folder.iterdir()) if path.name != "__pycache__"] == before
    assert score(tmp_path / "out", "a,b\n3,5\n")["Predictions"].round(6).tolist() == [13.0]


def test_output_can_be_fitted_again(tmp_path: Path) -> None:
    """An output is a model folder: it can be trained on other data, with other labels."""
    folder = make_folder(tmp_path / "task", metadata=None, custom=CLASSIFIER)
    rows = rows_file(tmp_path, "a,y\n1,yes\n2,no\n3,yes\n4,no\n")
    fit(folder, input=rows, target="y", target_type=TargetType.BINARY)
    rows = rows_file(tmp_path, "a,y\n1,u\n2,v\n3,u\n4,v\n")
    again = fit(tmp_path / "out", input=rows, target="y", output=tmp_path / "again")
    assert again.labels == ("u", "v")
    assert score(tmp_path / "again", "a\n1\n").columns.tolist() == ["u", "v"]


def test_files_of_the_fit_win(tmp_path: Path) -> None:
    """An older artifact of the same name in the model folder is not taken, nor changed."""
    folder = task_folder(tmp_path, LINEAR)
    (folder / "model.pkl").write_bytes(b"old")
    (folder / "README.md").write_text("mine")
    result = fit(folder)
    assert (folder / "model.pkl").read_bytes() == b"old"
    assert (tmp_path / "out" / "README.md").read_text() == "mine"
    assert [file.source for file in result.files if file.path.name == "model.pkl"] == ["fit"]
    assert score(tmp_path / "out", "a,b\n1,2\n")["Predictions"].round(6).tolist() == [5.0]


def test_without_output_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit without output tells what it would have made, and leaves nothing."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    result = fit(task_folder(tmp_path, LINEAR), output=None)
    assert result.output is None
    assert result.files[0].path == Path("model.pkl")
    assert left_over(tmp_path) == {"tmp"}
    assert list((tmp_path / "tmp").iterdir()) == []


def test_parents_are_made_and_an_empty_folder_is_filled(tmp_path: Path) -> None:
    """The output may be missing with its parents, or be an empty folder, also through a link."""
    folder = task_folder(tmp_path, LINEAR)
    fit(folder, output=tmp_path / "new" / "deep" / "out")
    assert (tmp_path / "new" / "deep" / "out" / "model.pkl").is_file()
    (tmp_path / "empty").mkdir(mode=0o750)
    (tmp_path / "link").symlink_to("empty")
    fit(folder, output=tmp_path / "link")
    assert (tmp_path / "empty" / "model.pkl").is_file()
    assert (tmp_path / "empty").stat().st_mode & 0o777 == 0o750
    assert left_over(tmp_path) == {"new", "empty", "link"}


def test_mounted_output_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be replaced, such as the volume of a container, is filled instead."""
    out = tmp_path / "out"
    out.mkdir()
    inode = out.stat().st_ino
    monkeypatch.setattr("os.path.ismount", lambda path: Path(path) == out)
    fit(task_folder(tmp_path, LINEAR))
    assert out.stat().st_ino == inode
    assert {path.name for path in out.iterdir()} == {
        *("model.pkl", "custom.py", "model-metadata.yaml", "README.md", "drum-fit.json")
    }
    broken = task_folder(tmp_path / "2", "def fit(X, output_dir): raise ValueError")
    (tmp_path / "2" / "out").mkdir()
    with pytest.raises(HookFailedError):
        fit(broken)
    assert list((tmp_path / "2" / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("place", "part"),
    [
        ("task", "code directory may not be used as the output directory"),
        ("task/inside/deep", "it is inside the code directory"),
        ("full", "the folder is not empty"),
        ("full/file", "it is a file"),
        ("full/file/out", "may not be written to"),
    ],
)
def test_places_that_are_no_output(tmp_path: Path, place: str, part: str) -> None:
    """A place where an output would do harm is refused before anything is read."""
    folder = task_folder(tmp_path, LINEAR)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    with pytest.raises(OutputError, match=part):
        fit(folder, output=tmp_path / place, input=__file__, target="no table")
    assert (tmp_path / "full" / "file").read_text() == "mine"
    assert left_over(tmp_path) == {"full"}


@pytest.mark.parametrize(
    ("body", "error", "part"),
    [
        ("raise ValueError('no luck')", HookFailedError, r"line 4\) raised ValueError: no luck"),
        ("import sys; sys.exit(0)", HookFailedError, r"called sys.exit\(0\)"),
        ("pass", HookError, "written nothing into its output_dir"),
        ("open('/no/such/place', 'w')", HookFailedError, "FileNotFoundError"),
    ],
)
def test_fit_that_fails_leaves_nothing(
    tmp_path: Path, body: str, error: type[DrumError], part: str
) -> None:
    """What the hook raises is told with its line; its half of an output is gone."""
    code = f"""\
        import os
        def fit(X, y, output_dir, **kwargs):
            {"open(output_dir + '/half', 'w').close()" if body != "pass" else "os"}
            {body}
        """
    with pytest.raises(error, match=part):
        fit(task_folder(tmp_path, code), output=tmp_path / "new" / "out")
    assert left_over(tmp_path) == set()


def test_two_artifacts_are_kept_and_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder with two artifacts cannot be run; what was trained is not thrown away for that."""
    code = LINEAR + "        open(os.path.join(output_dir, 'other.pkl'), 'w').close()\n"
    with pytest.raises(ArtifactError, match=r"Multiple serialized model files found.*'other.pkl'"):
        fit(task_folder(tmp_path, code))
    assert (tmp_path / "out" / "model.pkl").is_file()
    assert f"the fitted model stays in {tmp_path / 'out'}" in caplog.text


@pytest.mark.parametrize("name", ["deep/model.pkl", "model.bin"])
def test_an_artifact_that_nobody_would_find(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A model below a folder, or of no known extension, is named at once, before any server.

    Where the model is not tried, that is a warning.
    """
    made = "        os.makedirs(os.path.join(output_dir, 'deep'), exist_ok=True)\n        with open"
    code = LINEAR.replace("model.pkl", name).replace("        with open", made)
    folder = task_folder(tmp_path, code)
    part = f"Could not find model artifact file.*has written '{name}'"
    with pytest.raises(ArtifactError, match=part):
        fit(folder, skip_predict=False)
    assert (tmp_path / "out" / name).is_file()
    assert fit(folder, output=tmp_path / "again").passed
    assert re.search(part, caplog.text)


def test_two_artifacts_with_a_hook_that_loads(tmp_path: Path) -> None:
    """With a load_model hook the code may write what it likes."""
    code = LINEAR.replace('"model.pkl"', '"a.pkl"')
    code += "\n    def load_model(code_dir): return 1\n"
    folder = task_folder(tmp_path, code)
    (folder / "b.pkl").write_text("")
    assert fit(folder).passed


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("def fti(X): pass\ndef score(data, model): pass\n", "nothing here can be trained.*"),
        ("def fiit(X): pass\n", "did you mean fit"),
        ("def fit(data, target): pass\n", r"the hook fit is called as fit\(X=…, y=…"),
        ("fit = 5\n", "the hook fit must be a function, got 5"),
        ("class CustomTask: pass\n", "must be a class derived from"),
        (
            "from datarobot_drum.custom_task_interfaces import RegressionEstimatorInterface as R\n"
            "class CustomTask(R):\n    def predict(self, X): pass\n",
            "must define the method fit",
        ),
        (
            "from datarobot_drum.custom_task_interfaces import RegressionEstimatorInterface as R\n"
            "class CustomTask(R):\n    def fit(self, X, y): pass\n",
            "must define the method predict",
        ),
    ],
)
def test_code_that_cannot_train(tmp_path: Path, code: str, part: str) -> None:
    """Code without a way to train, or with a wrong one, is found before the data are used."""
    with pytest.raises(HookError, match=part):
        fit(task_folder(tmp_path, code))
    assert left_over(tmp_path) == set()


def test_other_modes_leave_the_fit_hook_alone(tmp_path: Path) -> None:
    """A fit hook of a shape that drum fit would refuse does not keep a model from predicting."""
    fit(task_folder(tmp_path, LINEAR))
    (tmp_path / "out" / "custom.py").write_text("def fit(data, target): pass\n")
    assert len(score(tmp_path / "out", "a,b\n1,2\n")) == 1


def test_task_that_cannot_be_pickled(tmp_path: Path) -> None:
    """A task that cannot be saved is told so, with the way out."""
    code = TASK.replace("return self", "self.handle = lambda: 0")
    with pytest.raises(TaskSerializationError, match="Leave what cannot be pickled out"):
        fit(task_folder(tmp_path, code))
    assert left_over(tmp_path) == set()


def test_error_in_a_task_has_its_line(tmp_path: Path) -> None:
    """An AttributeError in fit is reported as what it is."""
    code = TASK.replace("LinearRegression().fit(X, y)", "X.no_such_thing")
    with pytest.raises(HookFailedError, match=r"The method fit of CustomTask \(custom.py, line 7"):
        fit(task_folder(tmp_path, code))


def test_task_by_other_argument_names(tmp_path: Path) -> None:
    """A task may call its data and target as it likes, or take no target."""
    code = TASK.replace("self, X, y, parameters=None, row_weights=None", "self, data, target")
    code = code.replace("fit(X, y)", "fit(data, target)")
    assert fit(task_folder(tmp_path, code)).files[0].path.name == "drum_artifact.pkl"


def test_output_requirements_are_for_transforms(tmp_path: Path) -> None:
    """A typeSchema that speaks of an output which the target type has not is an error."""
    more = (
        "typeSchema:\n  output_requirements:\n  - field: data_types\n"
        "    condition: EQUALS\n    value: NUM\n"
    )
    with pytest.raises(DrumError, match="only valid for custom transform tasks"):
        fit(task_folder(tmp_path, LINEAR, more=more), disable_strict_validation=True)


def test_input_is_checked_against_the_schema(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Data that do not fit the typeSchema stop the fit; without strictness they are only logged."""
    more = (
        "typeSchema:\n  input_requirements:\n  - field: number_of_columns\n"
        "    condition: EQUALS\n    value: 3\n"
    )
    folder = task_folder(tmp_path, LINEAR, more=more)
    with pytest.raises(DrumError, match="schema validation failed for input"):
        fit(folder)
    fit(folder, disable_strict_validation=True)
    assert "Expected exactly 3, got 2" in caplog.text


def test_default_schema_of_transforms(tmp_path: Path) -> None:
    """A transform without typeSchema takes no missing values, unless validation is not strict."""
    folder = task_folder(tmp_path, RECORDER, "transform")
    rows = rows_file(tmp_path, "a,y\n1,2\n,3\n")
    with pytest.raises(DrumError, match="contains_missing is FORBIDDEN"):
        fit(folder, input=rows, target="y")
    assert fit(folder, input=rows, target="y", disable_strict_validation=True).rows == 2


def test_report_is_json(tmp_path: Path) -> None:
    """A result reports itself as JSON with stable keys."""
    report = fit(task_folder(tmp_path, LINEAR)).report()
    assert json.loads(json.dumps(report)) == report
    assert set(report) == {
        *("output", "files", "target_type", "target_name", "labels", "labels_found", "rows"),
        *("columns", "parameters", "seconds", "phases", "peak_memory", "input_size", "check"),
        "passed",
    }
    assert report["peak_memory"] != 0


def test_secrets_and_runtime_parameters_reach_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that trains has the secrets and parameters that code that predicts has."""
    code = """\
        from datarobot_drum import RuntimeParameters
        from drum_core.user import user_secrets
        def fit(X, y, output_dir, **kwargs):
            with open(output_dir + "/told", "w") as file:
                file.write(RuntimeParameters.get("depth") + user_secrets()["KEY"].api_token)
        """
    folder = task_folder(
        tmp_path, code, more="runtimeParameterDefinitions:\n- fieldName: depth\n  type: string\n"
    )
    monkeypatch.setenv("MINE_KEY", '{"credential_type": "api_token", "api_token": "to-ken"}')
    values = tmp_path / "values.yaml"
    values.write_text("depth: five\n")
    fit(folder, user_secrets_prefix="MINE", runtime_params_file=values)
    assert (tmp_path / "out" / "told").read_text() == "fiveto-ken"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_may_not_be_written(tmp_path: Path) -> None:
    """An output whose parent may not be written to is refused before the fit."""
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="may not be written to"):
        fit(task_folder(tmp_path, LINEAR), output=tmp_path / "closed" / "out")


def test_metadata_of_training_is_enough(tmp_path: Path) -> None:
    """FitOptions need no more than folder, input and target where the metadata say the type."""
    folder = make_folder(tmp_path / "task", metadata=training("regression"), custom=LINEAR)
    options = FitOptions(code_dir=folder, input=rows_file(tmp_path), target="y", skip_predict=True)
    assert options.most_rows is None
    with DrumRuntime(options) as runtime:
        result = CMRunner(runtime).run()
    assert (result.rows, result.columns, result.target_name) == (6, 2, "y")
