"""What an image installs: found without running the model, and pinned."""

from __future__ import annotations

import os
import pickle
from importlib.metadata import version
from pathlib import Path

import joblib
import numpy as np
import pytest
from packaging.requirements import Requirement
from sklearn.linear_model import LinearRegression

from drum_core.errors import HookError, ModelFolderError
from drum_core.images.artifact_modules import artifact_modules
from drum_core.images.distributions import distributions_of
from drum_core.images.requirements import Requirements, find_requirements
from drum_core.model.folder import open_folder
from drum_core.options import ModelOptions
from tests.model_folders import DOUBLE, linear_model, make_folder

RUNTIME = Requirement("drum-runtime[fastapi]==0.1.0")


def _found(folder: Path, *, transitive: bool = False) -> Requirements:
    return find_requirements(
        open_folder(ModelOptions(code_dir=folder)), RUNTIME, transitive=transitive
    )


def _pin(name: str) -> str:
    return f"{name}=={version(name)}"


class _Dangerous:
    """What would run a command when it is loaded."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch loaded",)


def test_an_artifact_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules are read out of a pickle, which may be anybody's, without running it."""
    monkeypatch.chdir(tmp_path)
    folder = make_folder(tmp_path / "m", artifact=[_Dangerous(), linear_model()])
    assert _pin("scikit-learn") in _found(folder).lines
    assert not (tmp_path / "loaded").exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_is_read(protocol: int, tmp_path: Path) -> None:
    """The classes of a pickle are found, whatever protocol it has."""
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(linear_model(), protocol))
    tops = {name.partition(".")[0] for name in artifact_modules(path)}
    assert {"sklearn", "numpy"} <= tops


@pytest.mark.parametrize("compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3)])
def test_joblib_is_read(compress: int | tuple[str, int], tmp_path: Path) -> None:
    """So are those of joblib, between whose opcodes arrays are, and which may be compressed."""
    path = tmp_path / "model.joblib"
    model = LinearRegression().fit(np.eye(300), np.arange(300))
    joblib.dump(model, path, compress=compress)
    tops = {name.partition(".")[0] for name in artifact_modules(path)}
    assert {"sklearn", "numpy", "joblib"} <= tops


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model.onnx", "onnxruntime"),
        ("model.ubj", "xgboost"),
        ("model.ubj", "sklearn"),
        ("model.txt", "sklearn"),
        ("model.cbm", "catboost"),
        ("model.pmml", "sklearn_pmml_model"),
        ("model.PT", "torch"),
        ("MLmodel", "mlflow"),
        ("model.keras", "keras"),
    ],
)
def test_other_artifacts_are_known_by_name(name: str, expected: str, tmp_path: Path) -> None:
    """The framework of a file that is no pickle is that of its name; an empty file is no error."""
    (tmp_path / name).write_bytes(b"")
    assert expected in artifact_modules(tmp_path / name)


def test_imports_of_the_code_are_found(tmp_path: Path) -> None:
    """All files of code count, also late imports; not what is of Python or of the folder itself."""
    code = """
    import json
    import part
    from drum_core.user import RuntimeParameters
    def load_model(code_dir):
        import yaml
        return 1
    def score(data, model, **kwargs):
        return data
    """
    folder = make_folder(tmp_path / "m", custom=code)
    (folder / "part.py").write_text("from scipy import sparse\n")
    lines = _found(folder).lines
    assert set(lines) == {str(RUNTIME), _pin("scipy"), _pin("pyyaml")}


def test_the_names_of_folders_hide_no_package(tmp_path: Path) -> None:
    """Only what lies in the folder itself is imported from it, whatever the folder is called."""
    code = "import yaml\nimport scipy\nfrom parts import one\n" + DOUBLE
    folder = make_folder(tmp_path / "yaml", custom=code)
    (folder / "parts").mkdir()
    (folder / "parts" / "one.py").write_text("")
    (folder / "parts" / "scipy.py").write_text("")
    found = _found(folder)
    assert {_pin("scipy"), _pin("pyyaml")} <= set(found.lines)
    assert not found.notes


@pytest.mark.parametrize("compress", [("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3)])
@pytest.mark.parametrize("damage", ["cut", "overwritten"])
def test_a_damaged_artifact_is_named(
    compress: tuple[str, int], damage: str, tmp_path: Path
) -> None:
    """An archive that ends too early, or is no archive further on, is an error with its path."""
    path = tmp_path / "model.joblib"
    joblib.dump(np.random.default_rng(0).random(3000), path, compress=compress)
    data = path.read_bytes()
    half = len(data) // 2
    path.write_bytes(data[:half] + (b"" if damage == "cut" else b"\xff" * half))
    with pytest.raises(ModelFolderError, match=r"model\.joblib"):
        artifact_modules(path)


def test_what_is_missing_here_is_told(tmp_path: Path) -> None:
    """An import that is not there is a note, unless the code does without, or asks for it."""
    code = (
        "import absent_one, absent_two\n"
        "try:\n    import absent_three\nexcept ImportError:\n    pass\n" + DOUBLE
    )
    folder = make_folder(tmp_path / "m", custom=code)
    (folder / "requirements.txt").write_text("absent-two>=1\n")
    notes = " ".join(_found(folder).notes)
    assert "custom.py imports absent_one, which is not installed here" in notes
    assert "imports absent_two" not in notes
    assert "absent_three" not in notes


def test_code_that_is_no_python(tmp_path: Path) -> None:
    """A file that cannot be parsed is an error that names it and the line."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    (folder / "broken.py").write_text("def f(:\n")
    with pytest.raises(HookError, match=r"broken\.py cannot be read as Python: .*line 1"):
        _found(folder)


def test_the_folders_own_file_comes_first(tmp_path: Path) -> None:
    """What the folder asks for is pinned where it is met here, and as it stands where not."""
    folder = make_folder(tmp_path / "m", artifact=linear_model())
    (folder / "requirements.txt").write_text(
        "# comment\n"
        "--extra-index-url https://example.com/simple\n"
        "scikit-learn>=1 # any\n"
        "numpy \\\n  <1\n"
        "absent==1; python_version < '3'\n"
        "other[one]\n"
    )
    found = _found(folder, transitive=True)
    assert found.sections["As requirements.txt of the model asks"] == [
        "--extra-index-url https://example.com/simple",
        _pin("scikit-learn"),
        "numpy<1",
        'absent==1; python_version < "3"',
        "other[one]",
    ]
    assert sum(line.lower().startswith("numpy") for line in found.lines) == 1
    # numpy is another one, so pins of what goes with the installed one would contradict it.
    assert "What these need" not in found.sections
    assert any("is not what requirements.txt of the model asks for" in note for note in found.notes)


def test_all_that_is_needed_is_pinned(tmp_path: Path) -> None:
    """So that an image built later is the same, what the packages need is pinned as well."""
    folder = make_folder(tmp_path / "m", artifact=linear_model())
    found = _found(folder, transitive=True)
    needed = found.sections["What these need"]
    assert {_pin("joblib"), _pin("starlette"), _pin("uvicorn"), _pin("pydantic-core")} <= set(
        needed
    )
    assert not any(line.startswith(("flask==", "drum-runtime==")) for line in needed)
    names = [Requirement(line).name for line in found.lines]
    assert len(names) == len(set(names))
    assert found.text().startswith("# This program\ndrum-runtime[fastapi]==0.1.0\n\n# Named in")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-r other.txt", "names a file"),
        ("./wheels/a.whl", "names a file"),
        ("-e .", "names a file"),
        ("--index-url https://me:hunter2@example.com/simple", "a password"),
        ("a @ https://hunter2@example.com/a.whl", "a password"),
        ("numpy==1 --hash=sha256:00", "hashes"),
        ("not a requirement", "is no requirement"),
    ],
)
def test_lines_that_cannot_be_used(line: str, said: str, tmp_path: Path) -> None:
    """A line that would break the image, or give a secret away, is refused, with its number."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    (folder / "requirements.txt").write_text(f"pandas\n{line}\n")
    with pytest.raises(ModelFolderError, match=said) as caught:
        _found(folder)
    assert "requirements.txt, line 2" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_shared_name_is_of_the_right_package() -> None:
    """Of packages that share a name, the one that has the module is found."""
    assert distributions_of("os.path") == set()
    assert distributions_of("sklearn.linear_model._base") == {"scikit-learn"}
    assert distributions_of("nowhere.to_be_found") is None
    assert distributions_of("mypy_boto3_nowhere") is None
