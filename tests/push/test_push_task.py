from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from drum_core import NoProgress
from drum_core.cli import main
from drum_core.errors import DrumError
from drum_core.model.metadata import read_metadata
from drum_core.upload.credentials import find_credentials
from drum_core.upload.errors import PushError, ServiceError
from drum_core.upload.files import files_of
from drum_core.upload.plan import calls_of
from drum_core.upload.run import Run
from drum_core.upload.service import connected
from tests.push.platform_service import Fault, Platform
from tests.push.test_push_model import push

TRAINING = """\
name: line
type: training
targetType: regression
environmentID: env1
validation:
  input: rows.csv
  targetName: y
trainingModel:
  trainOnProject: p1
"""
FIT = """\
import pickle
from pathlib import Path
from sklearn.linear_model import LinearRegression

def fit(X, y, output_dir, **kwargs):
    model = LinearRegression().fit(X, y)
    Path(output_dir, "model.pkl").write_bytes(pickle.dumps(model))
"""


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A folder that can be trained and pushed."""
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "model-metadata.yaml").write_text(TRAINING)
    (folder / "custom.py").write_text(FIT)
    rows = "".join(f"{number},{2 * number}\n" for number in range(12))
    (folder / "rows.csv").write_text("x,y\n" + rows)
    return folder


def sent(platform: Platform, folder: Path) -> Run:
    """The calls of a push alone, without the training before it."""
    read = read_metadata(folder)
    assert read is not None
    calls = calls_of(read[0], None, files_of(folder))
    with connected(find_credentials()) as service:
        run = Run(service, platform.endpoint, NoProgress())
        run.make(calls[1:])
    return run


def test_a_task_is_trained_here_and_there(
    platform: Platform, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A training folder is fitted, uploaded, made a blueprint, and trained on its project."""
    before = sorted(task.iterdir())
    assert main(["push", "-cd", str(task)]) == 0
    assert platform.names() == [
        "GET version/",
        "POST customTasks/",
        "POST customTasks/task1/versions/",
        "POST userBlueprints/fromCustomTaskVersionId/",
        "POST userBlueprintsProjectBlueprints/",
        "POST projects/p1/models/",
        "GET projects/p1/modelJobs/7/",
    ]
    fields = [call.fields for call in platform.calls[1:]]
    assert fields == [
        {"name": "line", "targetType": "Regression", "description": "Pushed from DRUM"},
        {"isMajorUpdate": "True", "baseEnvironmentId": "env1"},
        {"customTaskVersionId": "version1", "saveToCatalog": False, "decompressedBlueprint": True},
        {"projectId": "p1", "userBlueprintIds": ["ub1"]},
        {"blueprintId": "bp1"},
        {},
    ]
    assert set(platform.calls[2].files) == {"custom.py", "model-metadata.yaml", "rows.csv"}
    lines = capsys.readouterr().out.splitlines()
    base = platform.endpoint.removesuffix("/api/v2")
    assert lines[-1] == f"{base}/projects/p1/models/trained1/log"
    assert f"{base}/model-registry/custom-models/task1" in lines
    assert "  modelID: task1" in lines
    assert "Its blueprint is ub1." in lines
    assert sorted(path for path in task.iterdir() if path.name != "__pycache__") == before


def test_nothing_is_sent_of_a_task_that_cannot_be_trained(platform: Platform, task: Path) -> None:
    """A fit that raises is found before anybody is contacted."""
    (task / "custom.py").write_text("def fit(X, y, **kwargs):\n    raise ValueError(1)\n")
    with pytest.raises(DrumError, match="ValueError"):
        push(task)
    assert platform.calls == []


def test_data_that_do_not_fit_the_schema_end_with_3(
    platform: Platform, task: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A push whose data do not fit the typeSchema has the exit status of a fit."""
    (task / "model-metadata.yaml").write_text(
        TRAINING + "typeSchema:\n  input_requirements:\n"
        "    - field: sparse\n      condition: EQUALS\n      value: REQUIRED\n"
    )
    assert main(["push", "-cd", str(task)]) == 3
    assert "schema validation failed for input" in capfd.readouterr().err
    assert platform.calls == []


def test_a_dry_run_of_a_version_of_a_task(platform: Platform, task: Path) -> None:
    """With modelID and without a project, a task gets a version and a blueprint."""
    text = TRAINING.replace("trainingModel:\n  trainOnProject: p1\n", "modelID: t9\n")
    (task / "model-metadata.yaml").write_text(text)
    planned = push(task, dry_run=True)
    below = [call.url.removeprefix(platform.endpoint) for call in planned.calls]
    assert below == [
        "/version/",
        "/customTasks/t9/versions/",
        "/userBlueprints/fromCustomTaskVersionId/",
    ]
    assert planned.calls[2].fields["customTaskVersionId"] == "<versionId>"
    assert "drum fit" in planned.check


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        (lambda text: text.replace("  targetName: y\n", ""), "targetName"),
        (lambda text: text.replace("environmentID: env1\n", ""), "environmentID"),
    ],
)
def test_missing_keys_of_a_task(
    platform: Platform, task: Path, change: Callable[[str], str], missing: str
) -> None:
    """A task needs its target, but for anomaly, which has none."""
    (task / "model-metadata.yaml").write_text(change(TRAINING))
    with pytest.raises(PushError, match=rf"Missing keys: \['{missing}'\]"):
        push(task)
    (task / "model-metadata.yaml").write_text(
        TRAINING.replace("  targetName: y\n", "").replace("regression", "anomaly")
    )
    assert push(task, dry_run=True).calls[1].fields["targetType"] == "Anomaly"


def test_a_training_that_is_over_already(platform: Platform, task: Path) -> None:
    """A job that is done answers with where its model is."""
    location = {"Location": f"{platform.endpoint}/projects/p1/models/done1/"}
    platform.answers["GET projects/p1/modelJobs/7/"] = (303, location, None)
    assert sent(platform, task).answers["trainedModelId"] == "done1"


def test_a_blueprint_that_the_project_does_not_take(platform: Platform, task: Path) -> None:
    """The reason is told, and that the version is there, with its id for the next push."""
    refused = {"addedToMenu": [], "notAddedToMenu": [{"error": "target type mismatch"}]}
    platform.answers["POST userBlueprintsProjectBlueprints/"] = (200, {}, refused)
    with pytest.raises(ServiceError) as caught:
        sent(platform, task)
    assert "target type mismatch" in str(caught.value)
    assert "set 'modelID: task1' in model-metadata.yaml" in str(caught.value)
    assert not [name for name in platform.names() if name.startswith("DELETE")]


def test_a_task_whose_upload_fails_is_deleted(platform: Platform, task: Path) -> None:
    """An empty task is taken back like an empty model."""
    platform.faults["POST customTasks/task1/versions/"] = [Fault(413, {"message": "too large"})]
    with pytest.raises(ServiceError, match="custom task task1, which was made for it, is deleted"):
        sent(platform, task)
    assert platform.names()[-1] == "DELETE customTasks/task1/"
