"""The class interface: a CustomTask in custom.py, scored and served."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from drum_core import CMRunner, DrumRuntime, ScoreOptions
from drum_core.errors import ArtifactError, HookError, HookFailedError, PredictionError
from drum_core.model.user_code import UserCode
from drum_core.testing import DictHost
from drum_core.user import (
    ApiTokenSecret,
    CustomTaskInterface,
    RegressionEstimatorInterface,
    TransformerInterface,
)
from drum_core.user.errors import TaskSerializationError
from drum_core.user.settings import settings_here
from drum_core.user.tasks import TASK_ARTIFACT
from tests.core.served import CSV, post, serving
from tests.model_folders import BINARY, MULTICLASS, REGRESSION, make_folder

TIMES = """\
    import pandas as pd
    from datarobot_drum.custom_task_interfaces import RegressionEstimatorInterface

    class CustomTask(RegressionEstimatorInterface):
        def fit(self, X, y, parameters=None, row_weights=None, **kwargs):
            self.factor = 3
            return self

        def predict(self, X, **kwargs):
            return pd.DataFrame({"anything": X["x"] * self.factor})
    """
PROBABILITIES = """\
    import pandas as pd
    from datarobot_drum.custom_task_interfaces import BinaryEstimatorInterface

    class CustomTask(BinaryEstimatorInterface):
        def fit(self, X, y, **kwargs):
            self.p = 0.25

        def predict_proba(self, X, **kwargs):
            assert kwargs["positive_class_label"] == "yes"
            return pd.DataFrame({"no": [1 - self.p] * len(X), "yes": [self.p] * len(X)})
    """
TRANSFORMER = """\
    import pandas as pd
    from datarobot_drum.custom_task_interfaces import TransformerInterface

    class CustomTask(TransformerInterface):
        def fit(self, X, y, **kwargs):
            self.add = 1

        def transform(self, X):
            return X + self.add
    """
TRANSFORM = REGRESSION.replace("regression", "transform")


def fitted(path: Path, custom: str, metadata: str = REGRESSION) -> Path:
    """A folder whose task has been fitted and saved into it, as `drum fit` does."""
    folder = make_folder(path, metadata=metadata, custom=custom)
    code = UserCode(folder)
    task = code.load(folder / "custom.py").CustomTask()
    with settings_here(code.settings):
        task.fit(None, None, output_dir=str(folder))
        assert task.save(str(folder)) is task
    return folder


def _score(folder: Path) -> list[list[object]]:
    rows = folder.parent / "x.csv"
    rows.write_text("x\n1\n2\n", encoding="utf-8")
    with DrumRuntime(ScoreOptions(code_dir=folder, input=rows)) as runtime:
        found: list[list[object]] = CMRunner(runtime).run().predictions.to_numpy().tolist()
        return found


def test_regression_task(tmp_path: Path) -> None:
    """A task is loaded from its pickle and predicts, scored and served."""
    folder = fitted(tmp_path / "m", TIMES)
    assert (folder / TASK_ARTIFACT).is_file()
    assert _score(folder) == [[3], [6]]
    with serving(folder) as host:
        assert post(host, "x\n1\n2\n", *CSV).body == b'{"predictions":[3.0,6.0]}'


def test_binary_task(tmp_path: Path) -> None:
    """A task with predict_proba predicts classes, and is told the labels."""
    assert _score(fitted(tmp_path / "m", PROBABILITIES, BINARY)) == [[0.75, 0.25], [0.75, 0.25]]


def test_multiclass_task(tmp_path: Path) -> None:
    """A multiclass task gives a column for each label; other keywords are left out."""
    custom = """\
        import pandas as pd
        from drum_core.user import MulticlassEstimatorInterface

        class CustomTask(MulticlassEstimatorInterface):
            def fit(self, X, y, **kwargs):
                pass

            def predict_proba(self, X):
                return pd.DataFrame(
                    {"setosa": [0.5] * len(X), "versicolor": 0.25, "virginica": 0.25}
                )
        """
    assert _score(fitted(tmp_path / "m", custom, MULTICLASS)) == [[0.5, 0.25, 0.25]] * 2


def test_transformer_task(tmp_path: Path) -> None:
    """A transformer transforms, scored and served."""
    folder = fitted(tmp_path / "m", TRANSFORMER, TRANSFORM)
    assert _score(folder) == [[2], [3]]
    with serving(folder) as host:
        assert post(host, "x\n1\n2\n", *CSV, target="/transform/").status == 200


def test_two_folders_with_tasks(tmp_path: Path) -> None:
    """Two folders, each with a CustomTask of its own, run in one process."""
    one = fitted(tmp_path / "one", TIMES)
    two = fitted(tmp_path / "two", TIMES.replace("= 3", "= 5"))

    def predicted(host: DictHost) -> bytes:
        return post(host, "x\n1\n", *CSV).body

    with serving(one) as first, serving(two) as second:
        assert predicted(first) == b'{"predictions":[3.0]}'
        assert predicted(second) == b'{"predictions":[5.0]}'


def test_own_save_and_load(tmp_path: Path) -> None:
    """A task may save and load itself otherwise; hooks beside it are not used."""
    custom = TIMES + textwrap.indent(
        textwrap.dedent(
            """
            def save(self, artifact_directory):
                with open(artifact_directory + "/factor.txt", "w") as file:
                    file.write(str(self.factor))
                return self

            @classmethod
            def load(cls, artifact_directory):
                task = cls()
                with open(artifact_directory + "/factor.txt") as file:
                    task.factor = int(file.read())
                return task
            """
        ),
        " " * 8,
    )
    custom = textwrap.dedent(custom) + "\ndef score(data, model, **kwargs):\n    raise ValueError\n"
    assert _score(fitted(tmp_path / "m", custom)) == [[3], [6]]


@pytest.mark.parametrize(
    ("custom", "metadata", "error", "said"),
    [
        ("CustomTask = 3\n", REGRESSION, HookError, "derived from CustomTaskInterface.*got 3"),
        ("class CustomTask:\n    pass\n", REGRESSION, HookError, "derived from CustomTask"),
        (TRANSFORMER, REGRESSION, HookError, "must define the method predict"),
        (TIMES, BINARY, HookError, "must define the method predict_proba"),
        (
            TIMES.replace("def predict", "def predicted"),
            REGRESSION,
            HookError,
            "must define the method predict, which a regression model is asked for",
        ),
        (TIMES, REGRESSION.replace("regression", "unstructured"), HookError, "score_unstructured"),
        (TIMES, REGRESSION, ArtifactError, "Failed to load custom task class.*drum_artifact.pkl"),
    ],
)
def test_tasks_that_cannot_run(
    tmp_path: Path, custom: str, metadata: str, error: type[Exception], said: str
) -> None:
    """A task of a wrong kind, or without an artifact, is an error that says what is wrong."""
    folder = make_folder(tmp_path / "m", custom=custom, metadata=metadata)
    with pytest.raises(error, match=said):
        _score(folder)


def test_wrong_artifacts(tmp_path: Path) -> None:
    """A pickle of something else, and one that is damaged, are errors."""
    folder = fitted(tmp_path / "m", TIMES)
    for content, said in ((b"\x80\x04N.", "holds a NoneType"), (b"x", "UnpicklingError")):
        (folder / TASK_ARTIFACT).write_bytes(content)
        with pytest.raises(ArtifactError, match=said) as caught:
            _score(folder)
        assert isinstance(caught.value.__cause__, TaskSerializationError)


def test_method_that_raises(tmp_path: Path) -> None:
    """What a method raises is told with its name and line; a user error is the answer."""
    folder = fitted(tmp_path / "m", TIMES.replace('X["x"] *', 'X["y"] *'))
    with pytest.raises(HookFailedError, match=r"predict of CustomTask \(custom.py, line 10\)"):
        _score(folder)
    refusing = TIMES.replace(
        'return pd.DataFrame({"anything": X["x"] * self.factor})',
        "from datarobot_drum import CustomHTTPError; raise CustomHTTPError('no', 422)",
    )
    with serving(fitted(tmp_path / "n", refusing)) as host:
        answer = post(host, "x\n1\n", *CSV)
        assert (answer.status, answer.headers["X-Drum-User-Http-Error"]) == (422, "true")


def test_method_that_returns_no_table(tmp_path: Path) -> None:
    """The error of a task speaks of its method, not of a hook that it does not have."""
    array = TIMES.replace('pd.DataFrame({"anything": X["x"] * self.factor})', "X.to_numpy()")
    with pytest.raises(PredictionError, match=r"^The method predict of CustomTask must return"):
        _score(fitted(tmp_path / "m", array))


class Saved(RegressionEstimatorInterface):
    """A task with something that cannot be pickled."""

    def __init__(self) -> None:
        self.handle: object = open(__file__, encoding="utf-8")  # noqa: SIM115  # the test closes it
        self.kept = 1


class Other(TransformerInterface):
    """A task of another kind."""


def test_exclude(tmp_path: Path) -> None:
    """Excluded attributes are None in the pickle and stay in the task; unknown ones are errors."""
    task = Saved()
    task.secrets = {"ONE": ApiTokenSecret("s3cret")}
    handle = task.handle
    with pytest.raises(TaskSerializationError, match=r"cannot be saved.*exclude="):
        task.save(str(tmp_path))
    with pytest.raises(TaskSerializationError, match="no attribute 'kpt' to exclude"):
        task.save_task(str(tmp_path), exclude=["kpt"])
    task.save_task(str(tmp_path), exclude=["handle"])
    assert task.handle is handle
    assert task.secrets == {"ONE": ApiTokenSecret("s3cret")}
    assert b"s3cret" not in (tmp_path / TASK_ARTIFACT).read_bytes()
    loaded = Saved.load(str(tmp_path))
    assert (loaded.handle, loaded.kept) == (None, 1)
    assert loaded.secrets == {}
    with pytest.raises(TaskSerializationError, match="expected an instance of Other"):
        Other.load(str(tmp_path))
    handle.close()  # type: ignore[attr-defined]  # an object to the task, a file to the test


def test_log_message_is_deprecated(caplog: pytest.LogCaptureFixture) -> None:
    """`log_message` logs at level info, and says that it is old."""
    with (
        caplog.at_level("INFO"),
        pytest.warns(DeprecationWarning, match=r"logging\.getLogger"),
    ):
        CustomTaskInterface.log_message("hello")  # type: ignore[deprecated]  # what is tested
    assert "hello" in caplog.text


def test_task_has_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A served task sees the user secrets in its methods."""
    monkeypatch.setenv("MINE_ONE", '{"credential_type": "api_token", "api_token": "12345"}')
    custom = TIMES.replace(
        "self.factor})", 'len(self.secrets["ONE"].api_token) if self.secrets else X["x"]})'
    )
    folder = fitted(tmp_path / "m", custom)
    with serving(folder, user_secrets_prefix="MINE") as host:
        assert post(host, "x\n1\n2\n", *CSV).body == b'{"predictions":[5.0,10.0]}'
