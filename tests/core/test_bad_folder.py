"""Folders that cannot be run: each gets one clear error before anything is predicted."""

from __future__ import annotations

import logging
import os
import pickle
from pathlib import Path

import pytest

from drum_core.errors import (
    ArtifactError,
    DrumError,
    HookError,
    HookFailedError,
    MetadataError,
    ModelFolderError,
    NotBuiltYetError,
    OptionConflictError,
    OptionError,
)
from tests.core.test_score import score
from tests.model_folders import (
    BINARY,
    DOUBLE,
    MULTICLASS,
    REGRESSION,
    binary_model,
    iris_model,
    linear_model,
    make_folder,
)

ROWS = "x\n1\n2\n"


class TestFolder:
    """The folder itself."""

    def test_missing(self, tmp_path: Path) -> None:
        """A folder that does not exist is an option error that names it."""
        with pytest.raises(OptionError, match=r"expected an existing directory.*nowhere"):
            score(tmp_path / "nowhere", ROWS)

    def test_empty(self, tmp_path: Path) -> None:
        """An empty folder says what a model folder has, and how to get one."""
        (tmp_path / "m").mkdir()
        with pytest.raises(ModelFolderError, match=r"it is empty.*drum new model"):
            score(tmp_path / "m", ROWS)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
    def test_unreadable(self, tmp_path: Path) -> None:
        """A folder without permission to read says so."""
        folder = make_folder(tmp_path / "m", custom=DOUBLE)
        folder.chmod(0)
        try:
            with pytest.raises(ModelFolderError, match="permission denied"):
                score(folder, ROWS)
        finally:
            folder.chmod(0o700)

    def test_listing_of_other_files(self, tmp_path: Path) -> None:
        """A folder with neither artifact nor custom.py lists what it has."""
        folder = make_folder(tmp_path / "m")
        (folder / "notes.txt").write_text("hello")
        with pytest.raises(ModelFolderError, match=r"found: model-metadata\.yaml, notes\.txt"):
            score(folder, ROWS)

    def test_two_artifacts(self, tmp_path: Path) -> None:
        """Two artifacts are named."""
        folder = make_folder(tmp_path / "m", artifact=linear_model())
        make_folder(folder, artifact=linear_model(), artifact_name="other.joblib")
        with pytest.raises(ArtifactError, match=r"Multiple.*'model\.pkl', 'other\.joblib'"):
            score(folder, ROWS)

    def test_two_custom_py(self, tmp_path: Path) -> None:
        """Two files custom.py, at any depth, are named; a virtual environment does not count."""
        folder = make_folder(tmp_path / "m", custom=DOUBLE)
        make_folder(folder / "venv", metadata=None, custom=DOUBLE)
        (folder / "venv" / "pyvenv.cfg").write_text("")
        assert score(folder, ROWS).rows == 2
        make_folder(folder / "deep" / "er", metadata=None, custom=DOUBLE)
        with pytest.raises(HookError, match=r"deep/er/custom\.py"):
            score(folder, ROWS)

    @pytest.mark.parametrize("name", ["model.rds", "model.jar"])
    def test_other_languages(self, tmp_path: Path, name: str) -> None:
        """R and Java models say that they are not built yet."""
        folder = make_folder(tmp_path / "m")
        (folder / name).write_bytes(b"")
        with pytest.raises(NotBuiltYetError, match="language"):
            score(folder, ROWS)


class TestArtifact:
    """The artifact."""

    @pytest.mark.parametrize("content", [b"", b"not a pickle", pickle.dumps([1] * 999)[:-9]])
    def test_broken_pickle(self, tmp_path: Path, content: bytes) -> None:
        """A file that is no pickle, or a part of one, names the file and what to do."""
        folder = make_folder(tmp_path / "m")
        (folder / "model.pkl").write_bytes(content)
        with pytest.raises(ArtifactError, match=r"model\.pkl.*make it again"):
            score(folder, ROWS)

    def test_missing_module(self, tmp_path: Path) -> None:
        """A pickle of a package that is not installed names the package."""
        folder = make_folder(tmp_path / "m")
        (folder / "model.pkl").write_bytes(b"cnosuchpackage.models\nModel\n.")
        with pytest.raises(ArtifactError, match="'nosuchpackage', which is not installed"):
            score(folder, ROWS)

    def test_missing_class(self, tmp_path: Path) -> None:
        """A pickle of a class that is gone says where to define it."""
        folder = make_folder(tmp_path / "m", custom="x = 1\n")
        (folder / "model.pkl").write_bytes(b"ccustom\nModel\n.")
        with pytest.raises(ArtifactError, match=r"define it in custom\.py"):
            score(folder, ROWS)

    def test_object_of_no_framework(self, tmp_path: Path) -> None:
        """An object that nobody can run asks for a score hook."""
        folder = make_folder(tmp_path / "m", artifact={"weights": [1]})
        with pytest.raises(ArtifactError, match=r"Could not find any framework.*dict.*score hook"):
            score(folder, ROWS)

    def test_estimator_without_probabilities(self, tmp_path: Path) -> None:
        """A classifier target needs predict_proba."""
        folder = make_folder(tmp_path / "m", metadata=BINARY, artifact=linear_model())
        with pytest.raises(ArtifactError, match="LinearRegression has no predict_proba"):
            score(folder, ROWS)

    def test_other_sklearn_version_warns(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """An estimator of another scikit-learn version is used, with a warning."""
        folder = make_folder(tmp_path / "m")
        pickled = pickle.dumps(linear_model(), protocol=2)
        import sklearn

        ours = sklearn.__version__.encode()
        assert ours in pickled
        (folder / "model.pkl").write_bytes(pickled.replace(ours, b"0" * len(ours)))
        with caplog.at_level(logging.WARNING):
            assert score(folder, "a,b\n1,1\n").rows == 1
        assert any("version" in record.message for record in caplog.records)


class TestCustomPy:
    """custom.py."""

    def test_syntax_error(self, tmp_path: Path) -> None:
        """A syntax error names file and line."""
        folder = make_folder(tmp_path / "m", custom="import os\ndef score(:\n")
        with pytest.raises(HookError, match=r"custom\.py, line 2: Python cannot read it"):
            score(folder, ROWS)

    def test_failing_import(self, tmp_path: Path) -> None:
        """An import of a package that is missing names file, line and package."""
        folder = make_folder(tmp_path / "m", custom="import os\nimport nosuchpackage\n")
        with pytest.raises(HookError, match=r"custom\.py, line 2.*Install.*'nosuchpackage'"):
            score(folder, ROWS)

    def test_raises_at_import(self, tmp_path: Path) -> None:
        """What custom.py raises while it is imported is shown with its line."""
        folder = make_folder(tmp_path / "m", custom="x = 1\ny = x / 0\n")
        with pytest.raises(HookError, match=r"line 2.*ZeroDivisionError"):
            score(folder, ROWS)

    def test_misspelt_hook(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """A function that looks like a misspelt hook is pointed out, in the error too."""
        custom = "def load_modl(code_dir): return 1\ndef scores(data, model): pass\n"
        folder = make_folder(tmp_path / "m", custom=custom)
        with pytest.raises(ArtifactError, match=r"line 1: load_modl.*did you mean load_model\?"):
            score(folder, ROWS)
        assert any("scores is not a hook" in record.message for record in caplog.records)

    def test_wrong_arity(self, tmp_path: Path) -> None:
        """A hook that cannot be called as it must be shows both signatures."""
        folder = make_folder(tmp_path / "m", custom="def score(data):\n    pass\n")
        with pytest.raises(HookError, match=r"score\(data, model, \*\*kwargs\).*score\(data\)"):
            score(folder, ROWS)

    def test_hook_that_is_no_function(self, tmp_path: Path) -> None:
        """A hook name that stands for something else is an error."""
        folder = make_folder(tmp_path / "m", custom="score = 3\n")
        with pytest.raises(HookError, match="score must be a function, got 3"):
            score(folder, ROWS)

    def test_load_model_returns_none(self, tmp_path: Path) -> None:
        """load_model has to return the model."""
        custom = "def load_model(d): pass\ndef score(d, m): pass\n"
        folder = make_folder(tmp_path / "m", custom=custom)
        with pytest.raises(HookError, match="load_model returned None"):
            score(folder, ROWS)

    def test_load_model_raises(self, tmp_path: Path) -> None:
        """What load_model raises names the hook, the line and the cause."""
        custom = "def load_model(d):\n    open('/no/weights')\ndef score(d, m): pass\n"
        folder = make_folder(tmp_path / "m", custom=custom)
        with pytest.raises(HookFailedError, match=r"load_model \(custom\.py, line 2\).*weights"):
            score(folder, ROWS)


class TestLabels:
    """Class labels and target types that do not fit."""

    def test_no_target_type(self, tmp_path: Path) -> None:
        """Without metadata and option, the error names both places."""
        folder = make_folder(tmp_path / "m", metadata=None, custom=DOUBLE)
        with pytest.raises(OptionConflictError, match=r"--target-type.*targetType"):
            score(folder, ROWS)

    def test_two_target_types(self, tmp_path: Path) -> None:
        """Options and metadata that differ are quoted, each with its source."""
        folder = make_folder(tmp_path / "m", custom=DOUBLE)
        with pytest.raises(OptionConflictError, match=r"TARGET_TYPE says anomaly.*says regression"):
            score(folder, ROWS, target_type="anomaly", sources={"target_type": "TARGET_TYPE"})

    def test_labels_missing(self, tmp_path: Path) -> None:
        """A binary or multiclass model without labels says how to give them."""
        folder = make_folder(tmp_path / "m", metadata=None, artifact=iris_model())
        with pytest.raises(OptionConflictError, match="--positive-class-label"):
            score(folder, ROWS, target_type="binary")
        with pytest.raises(OptionConflictError, match="--class-labels"):
            score(folder, ROWS, target_type="multiclass")

    def test_labels_disagree(self, tmp_path: Path) -> None:
        """Labels in options and metadata that differ are quoted; another order is no difference."""
        folder = make_folder(tmp_path / "m", metadata=MULTICLASS, artifact=iris_model())
        with pytest.raises(OptionConflictError, match=r"'rose'.*'setosa'"):
            score(folder, ROWS, class_labels=("rose", "versicolor", "virginica"))
        with pytest.raises(DrumError, match="sepal"):
            score(folder, ROWS, class_labels=("virginica", "versicolor", "setosa"))

    def test_half_of_binary_labels(self, tmp_path: Path) -> None:
        """One binary label without the other is refused."""
        folder = make_folder(tmp_path / "m", metadata=None, artifact=binary_model())
        with pytest.raises(OptionConflictError, match="belong together"):
            score(folder, ROWS, target_type="binary", positive_class_label="yes")

    @pytest.mark.parametrize("kind", ["textgeneration", "vectordatabase", "agenticworkflow"])
    def test_no_target_name(self, tmp_path: Path, kind: str) -> None:
        """A text model without the name of its column says both ways to give it."""
        metadata = REGRESSION.replace("regression", kind)
        folder = make_folder(tmp_path / "m", metadata=metadata, custom=DOUBLE)
        with pytest.raises(OptionConflictError, match="variable TARGET_NAME, or targetName"):
            score(folder, ROWS)


class TestMetadata:
    """model-metadata.yaml."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", "the file is empty"),
            ("- a\n- b\n", "line 1: expected keys with values"),
            ("name: x\n  bad: [\n", "line 2: expected YAML"),
            (
                "name: x\ntype: y\ntargetType: regression\ncolour: red\n",
                "line 4: 'colour' is not a known",
            ),
            ("name: x\ntype: y\n", "the field 'targetType' is missing"),
            (
                "name:\n  - x\ntype: y\ntargetType: z\n",
                "line 1: 'name': expected a text, got a list",
            ),
            (
                "name: x\ntype: y\ntargetType: q\n",
                "'targetType': expected one of binary, .*got 'q'",
            ),
            ("name: x\nname: y\n", "line 2: the key 'name' appears twice"),
            ("name: {a: b}\n", "line 1: .*block style"),
            ("name: &a x\n", "line 1: .*anchors"),
            (
                BINARY.replace("positiveClassLabel: yes", "positive: yes"),
                r"line 5: 'inferenceModel.pos",
            ),
            (
                BINARY.replace("  positiveClassLabel: yes\n", ""),
                r"Missing keys: \['positiveClassLabel'\]",
            ),
            (BINARY + "  predictionThreshold: 7\n", "line 7: .*less than or equal to 1, got '7'"),
            (REGRESSION + "majorVersion: maybe\n", "line 4: 'majorVersion': expected yes, no"),
            (MULTICLASS.partition("inferenceModel")[0], r"Missing keys: \['inferenceModel'\]"),
            (MULTICLASS + "  classLabelsFile: l.txt\n", "but not both"),
        ],
    )
    def test_problem_is_named(self, tmp_path: Path, text: str, expected: str) -> None:
        """What is wrong is named with file, line and field."""
        folder = make_folder(tmp_path / "m", metadata=text, custom=DOUBLE)
        with pytest.raises(MetadataError, match=rf"model-metadata\.yaml.*{expected}"):
            score(folder, ROWS)

    def test_not_utf8(self, tmp_path: Path) -> None:
        """Metadata in another encoding say which byte."""
        folder = make_folder(tmp_path / "m", custom=DOUBLE)
        (folder / "model-metadata.yaml").write_bytes(b"name: caf\xe9\n")
        with pytest.raises(MetadataError, match="expected UTF-8 text, byte 9"):
            score(folder, ROWS)

    def test_scalars_are_texts(self, tmp_path: Path) -> None:
        """Labels that YAML would take for truth values or numbers stay as they are written."""
        folder = make_folder(tmp_path / "m", metadata=BINARY, artifact=binary_model())
        assert list(score(folder, "x\n1\n").predictions.columns) == ["no", "yes"]
        metadata = BINARY.replace("yes\n", "0123\n").replace(": no\n", ": 12:30:45\n")
        custom = """
            def load_model(code_dir):
                return 1

            def score(data, model, positive_class_label, negative_class_label):
                raise KeyError(positive_class_label + negative_class_label)
        """
        folder = make_folder(tmp_path / "n", metadata=metadata, custom=custom)
        with pytest.raises(HookFailedError, match="012312:30:45"):
            score(folder, "x\n1\n")


def test_moderation_is_not_passed_over_silently(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A text model with guards says that they are not applied."""
    metadata = REGRESSION.replace("regression", "textgeneration")
    folder = make_folder(tmp_path / "m", metadata=metadata, custom=DOUBLE)
    (folder / "moderation_config.yaml").write_text("guards: []\n")
    with caplog.at_level(logging.WARNING):
        score(folder, ROWS, target_name="Predictions")
    assert any("moderation is not built yet" in record.message for record in caplog.records)
