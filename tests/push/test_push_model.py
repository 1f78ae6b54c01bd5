from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drum_core import CMRunner, DrumRuntime, NoProgress, PushOptions, PushResult
from drum_core.errors import DrumError, HookFailedError
from drum_core.progress import Advance
from tests.push.conftest import INFERENCE
from tests.push.platform_service import TOKEN, Fault, Platform

BINARY = INFERENCE.replace("regression", "binary") + (
    "  positiveClassLabel: yes\n  negativeClassLabel: no\n  predictionThreshold: 0.4\n"
)
MULTICLASS = INFERENCE.replace("regression", "multiclass") + "  classLabelsFile: labels.txt\n"
PROBABILITIES = """\
import pandas as pd

def load_model(code_dir):
    return {labels!r}

def score(data, model, **kwargs):
    return pd.DataFrame([[1.0] + [0.0] * (len(model) - 1)] * len(data), columns=model)
"""


def push(folder: Path, **options: object) -> PushResult:
    """Pushes a folder, as somebody who embeds it does."""
    made = PushOptions(code_dir=folder, **options)  # type: ignore[arg-type]  # test data
    with DrumRuntime(made) as runtime:
        return CMRunner(runtime).run()


def test_a_new_model_is_created_and_its_folder_uploaded(platform: Platform, model: Path) -> None:
    """An inference folder becomes a custom model with one version, in the calls of the contract."""
    result = push(model)
    assert platform.names() == [
        "GET version/",
        "POST customModels/",
        "POST customModels/model1/versions/",
    ]
    assert {call.token for call in platform.calls} == {f"Token {TOKEN}"}
    assert platform.one("POST customModels/").fields == {
        "customModelType": "inference",
        "name": "doubled",
        "description": "Pushed from DRUM",
        "targetName": "y",
        "targetType": "Regression",
        "supportsRegression": True,
    }
    version = platform.one("POST customModels/model1/versions/")
    assert version.fields == {"isMajorUpdate": "True", "baseEnvironmentId": "env1"}
    assert (result.model_id, result.version_id, result.created) == ("model1", "version1", True)
    base = platform.endpoint.removesuffix("/api/v2")
    assert result.url == f"{base}/model-registry/custom-models/model1"


def test_the_whole_folder_is_uploaded_by_relative_paths(platform: Platform, model: Path) -> None:
    """Every file comes with its path and its bytes, hidden, empty and large ones too."""
    (model / "sub" / "deep er").mkdir(parents=True)
    (model / "sub" / "deep er" / "a b.bin").write_bytes(os.urandom(300_000))
    (model / ".hidden").write_text("h")
    (model / "empty.txt").touch()
    (model / "größe.txt").write_text("ü")
    (model / "link.txt").symlink_to(model / "größe.txt")
    for junk in (".git", "__pycache__", "sub/__pycache__"):
        (model / junk).mkdir()
        (model / junk / "x").write_text("junk")
    expected = {
        path.relative_to(model).as_posix(): path.read_bytes()
        for path in model.rglob("*")
        if path.is_file() and not {".git", "__pycache__"} & set(path.parts)
    }
    result = push(model)
    assert platform.one("POST customModels/model1/versions/").files == expected
    assert len(expected) == 8
    assert result.left_out == (".git", "__pycache__", "sub/__pycache__")
    assert result.size == sum(map(len, expected.values()))


def test_more_files_than_a_process_may_open(platform: Platform, model: Path) -> None:
    """Files are opened one after another, so their number is not bounded by the system."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for number in range(400):
        (model / f"part{number}").write_text(str(number))
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        push(model)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    files = platform.one("POST customModels/model1/versions/").files
    assert all(files[f"part{number}"] == str(number).encode() for number in range(400))


class Noted(NoProgress):
    """What a run has told of its progress: the total, and the sum of the steps."""

    def __init__(self) -> None:
        self.totals: dict[str, tuple[int | None, str]] = {}
        self.done: dict[str, int] = {}

    @contextmanager
    def task(self, what: str, total: int | None, /, *, unit: str = "rows") -> Iterator[Advance]:
        """Counts."""
        self.totals[what] = (total, unit)
        self.done[what] = 0

        def advance(steps: int) -> None:
            self.done[what] += steps

        yield advance


def test_the_progress_of_an_upload(platform: Platform, model: Path) -> None:
    """The upload tells its bytes; those of an attempt that failed are taken back."""
    (model / "large.bin").write_bytes(bytes(500_000))
    platform.faults["POST customModels/model1/versions/"] = [Fault(503)]
    noted = Noted()
    with DrumRuntime(PushOptions(code_dir=model), progress=noted) as runtime:
        result = CMRunner(runtime).run()
    upload = "DataRobot: upload the folder as a version"
    assert noted.totals[upload] == (result.size, "bytes")
    assert noted.done[upload] == result.size > 500_000


def test_a_version_is_added_to_a_model(platform: Platform, model: Path) -> None:
    """With modelID nothing is created, and a minor version is one."""
    metadata = model / "model-metadata.yaml"
    metadata.write_text(INFERENCE + "modelID: abc123\nmajorVersion: no\n")
    result = push(model)
    assert platform.names() == ["GET version/", "POST customModels/abc123/versions/"]
    assert platform.calls[-1].fields["isMajorUpdate"] == "False"
    assert (result.model_id, result.created) == ("abc123", False)


def test_a_binary_model_has_its_labels_and_threshold(platform: Platform, model: Path) -> None:
    """Labels and threshold of the metadata are those of the custom model."""
    (model / "model-metadata.yaml").write_text(BINARY + "description: of a test\n")
    (model / "custom.py").write_text(PROBABILITIES.format(labels=["yes", "no"]))
    push(model)
    fields = platform.one("POST customModels/").fields
    assert fields["positiveClassLabel"] == "yes"
    assert fields["negativeClassLabel"] == "no"
    assert fields["predictionThreshold"] == 0.4
    assert fields["supportsBinaryClassification"] is True
    assert fields["description"] == "of a test"
    assert fields["targetType"] == "Binary"
    assert "supportsRegression" not in fields


def test_a_multiclass_model_has_its_labels_from_the_file(platform: Platform, model: Path) -> None:
    """The labels of a labels file in the folder are sent, in its order."""
    (model / "model-metadata.yaml").write_text(MULTICLASS)
    (model / "labels.txt").write_text("b\na\nc\n")
    (model / "custom.py").write_text(PROBABILITIES.format(labels=["b", "a", "c"]))
    push(model)
    fields = platform.one("POST customModels/").fields
    assert fields["classLabels"] == ["b", "a", "c"]
    assert fields["targetType"] == "Multiclass"


def test_nothing_is_sent_of_a_model_that_fails(platform: Platform, model: Path) -> None:
    """A model whose hook raises on the validation input is found before anybody is contacted."""
    (model / "custom.py").write_text("def load_model(code_dir):\n    raise ValueError('broken')\n")
    with pytest.raises(DrumError, match="broken"):
        push(model)
    assert platform.calls == []


def test_a_dry_run_shows_the_calls_and_makes_none(platform: Platform, model: Path) -> None:
    """What a dry run shows is what a push then sends: the same calls, fields, files and sizes."""
    planned = push(model, dry_run=True)
    assert platform.calls == []
    assert planned.dry_run
    assert [call.url for call in planned.calls] == [
        f"{platform.endpoint}/version/",
        f"{platform.endpoint}/customModels/",
        f"{platform.endpoint}/customModels/<modelId>/versions/",
    ]
    done = push(model)
    assert [call.fields for call in planned.calls] == [call.fields for call in done.calls]
    assert planned.files == done.files
    for shown, received in zip(done.calls, platform.calls, strict=True):
        assert shown.url == f"{platform.endpoint}/{received.path}"
        assert {name: str(value) for name, value in shown.fields.items()} == {
            name: str(value) for name, value in received.fields.items()
        }
        assert {file.path: file.size for file in shown.files} == {
            path: len(data) for path, data in received.files.items()
        }


def test_a_dry_run_needs_no_credentials_and_runs_no_model(nowhere: Path, model: Path) -> None:
    """A dry run works where nothing of DataRobot is known; a model that is broken is not run."""
    (model / "custom.py").write_text("raise RuntimeError('was run')\n")
    result = push(model, dry_run=True)
    assert result.endpoint is None
    assert result.calls[1].url == "customModels/"


def test_the_default_client_of_a_program_is_left_alone(platform: Platform, model: Path) -> None:
    """A program that uses the client library itself keeps its own client after a push."""
    from datarobot.client import client_configuration, get_client

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the service is of another version
        with client_configuration(endpoint=platform.endpoint, token="mine"):
            mine = get_client()
            push(model)
            assert get_client() is mine


def test_a_hook_that_changes_the_folder_changes_nothing_that_is_sent(
    platform: Platform, model: Path
) -> None:
    """Files that the model writes into its folder when it is tried are not uploaded."""
    (model / "custom.py").write_text(
        "import pandas as pd\nfrom pathlib import Path\n"
        "def load_model(code_dir):\n    Path(code_dir, 'cache').write_text('c'); return 1\n"
        "def score(data, model, **kwargs):\n    return pd.DataFrame({'Predictions': data['x']})\n"
    )
    push(model)
    files = platform.one("POST customModels/model1/versions/").files
    assert set(files) == {"custom.py", "model-metadata.yaml", "rows.csv"}
    assert (model / "cache").exists()


def test_hook_errors_keep_their_kind(platform: Platform, model: Path) -> None:
    """What the local check raises is what a score raises, so that its exit status is the same."""
    (model / "custom.py").write_text(
        "def load_model(code_dir):\n    return 1\n"
        "def score(data, model, **kwargs):\n    raise KeyError('zip')\n"
    )
    with pytest.raises(HookFailedError, match="zip"):
        push(model)
