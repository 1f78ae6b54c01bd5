from __future__ import annotations

import json
import os
import pickle
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pandas as pd
import pytest
import yaml

from drum_core.errors import NotBuiltYetError, OutputError
from drum_core.modes.new import run
from drum_core.options import NewModelOptions
from drum_core.options.new import TEMPLATES

SKLEARN: Final = ("sklearn-regression", "sklearn-binary", "sklearn-multiclass")
NEEDED: Final = {"README.md", "input.csv", "model-metadata.yaml"}


def _make(folder: Path, template: str) -> Path:
    return run(NewModelOptions(code_dir=folder, template=template)).code_dir


def _metadata(folder: Path) -> dict[str, object]:
    content: dict[str, object] = yaml.safe_load((folder / "model-metadata.yaml").read_text())
    return content


@pytest.mark.parametrize("template", TEMPLATES)
def test_template_is_complete(template: str, tmp_path: Path) -> None:
    """Each template gives a folder with metadata, a sample and instructions, and says so."""
    result = run(NewModelOptions(code_dir=tmp_path / "my model", template=template))
    assert {file.name for file in result.files} >= NEEDED
    assert sorted(result.files) == sorted((tmp_path / "my model").iterdir())
    assert len(result.next_commands) == (4 if template == "sklearn-fit" else 3)
    assert _metadata(result.code_dir)["name"] == "my model"


@pytest.mark.parametrize("template", SKLEARN)
def test_model_predicts_on_its_sample(template: str, tmp_path: Path) -> None:
    """The model is fitted, and the sample has what it needs and not the target."""
    folder = _make(tmp_path / "made", template)
    model = pickle.loads((folder / "model.pkl").read_bytes())
    sample = pd.read_csv(folder / "input.csv")
    about = _metadata(folder)["inferenceModel"]
    assert isinstance(about, dict)
    assert list(sample.columns) == list(model.feature_names_in_)
    assert about["targetName"] not in sample.columns
    assert len(model.predict(sample)) == len(sample) >= 10


@pytest.mark.parametrize(
    ("template", "keys"),
    [
        ("sklearn-binary", ("positiveClassLabel", "negativeClassLabel")),
        ("sklearn-multiclass", ("classLabels",)),
    ],
)
def test_labels_are_those_of_the_model(
    template: str, keys: tuple[str, ...], tmp_path: Path
) -> None:
    """The labels in the metadata are the `classes_` of the fitted model."""
    folder = _make(tmp_path / "made", template)
    model = pickle.loads((folder / "model.pkl").read_bytes())
    about = _metadata(folder)["inferenceModel"]
    assert isinstance(about, dict)
    labels: set[str] = set()
    for key in keys:
        labels |= {about[key]} if isinstance(about[key], str) else set(about[key])
    assert labels == set(model.classes_)


@pytest.mark.parametrize("template", SKLEARN)
def test_artifact_is_small(template: str, tmp_path: Path) -> None:
    """An example that is looked at and thrown away takes little room."""
    assert (_make(tmp_path / "made", template) / "model.pkl").stat().st_size < 50_000


def test_same_seed_same_model(tmp_path: Path) -> None:
    """Two folders made from one template are alike, byte for byte, but for their names."""
    one, two = (_make(tmp_path / place / "m", "sklearn-binary") for place in ("1", "2"))
    for file in one.iterdir():
        assert file.read_bytes() == (two / file.name).read_bytes()


@pytest.mark.parametrize("name", ["it's 100%", "no", "a: b", "Modèle", "$name"])
def test_odd_names_are_kept(name: str, tmp_path: Path) -> None:
    """A folder may have any name; it stands in the metadata as it is."""
    for template in ("hooks", "sklearn-regression"):
        folder = _make(tmp_path / template / name, template)
        assert _metadata(folder)["name"] == name


def test_commands_name_the_folder_as_typed_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next commands are relative to the current directory, and quoted for a shell."""
    monkeypatch.chdir(tmp_path)
    options = NewModelOptions(code_dir=Path("sub dir/it"), template="hooks")
    score, serve, ask = run(options).next_commands
    assert score == "drum score --code-dir 'sub dir/it' --input 'sub dir/it/input.csv'"
    assert serve.startswith("drum server --code-dir 'sub dir/it' --address ")
    assert "'@sub dir/it/input.csv'" in ask


@pytest.mark.parametrize(("language", "file"), [("python", "custom.py"), ("r", "custom.R")])
def test_bare_hooks_are_comments_only(language: str, file: str, tmp_path: Path) -> None:
    """DRUM's form is a README and a file of hooks in which every line is a comment."""
    result = run(NewModelOptions(code_dir=tmp_path / "m", language=language))
    assert {made.name for made in result.files} == {"README.md", file}
    lines = (tmp_path / "m" / file).read_text().splitlines()
    assert all(line.startswith("#") for line in lines)
    text = "\n".join(lines)
    for hook in ("init", "load_model", "read_input_data", "transform", "score", "post_process"):
        assert hook in text
    assert f"drum new model --language {language}" in text
    assert result.next_commands == ()


def test_bare_hooks_are_python_without_the_comment_signs(tmp_path: Path) -> None:
    """What is left of `custom.py` when the comment signs are taken away compiles."""
    run(NewModelOptions(code_dir=tmp_path / "m", language="python"))
    lines = (tmp_path / "m" / "custom.py").read_text().splitlines()
    code = "\n".join(line[2:] for line in lines[lines.index("# import io") :])
    names = compile(code, "custom.py", "exec").co_names
    assert {"init", "load_model", "score", "fit"} <= set(names)


def test_no_folder_for_another_language(tmp_path: Path) -> None:
    """`--language other` says that it is not built, and makes nothing."""
    with pytest.raises(NotBuiltYetError, match="--language other is not built yet"):
        run(NewModelOptions(code_dir=tmp_path / "m", language="other"))
    assert not list(tmp_path.iterdir())


def test_an_existing_path_is_left_alone(
    drum: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """A path that exists is wrong usage, and nothing in it is touched."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.pkl").write_text("mine")
    done = drum("new", "model", "--code-dir", "m", "--template", "hooks")
    assert done.returncode == 2
    assert "--code-dir: expected a path that does not exist yet" in done.stderr
    assert [file.name for file in tmp_path.rglob("*")] == ["m", "model.pkl"]
    assert (tmp_path / "m" / "model.pkl").read_text() == "mine"


def test_failing_half_way_leaves_nothing(tmp_path: Path) -> None:
    """When the folder cannot be put in its place, it vanishes, and so do its new parents."""
    target = tmp_path / "new" / "parents" / "m"
    options = NewModelOptions(code_dir=target, template="hooks")
    object.__setattr__(options, "code_dir", target / ("x" * 300))
    with pytest.raises(OutputError, match="Cannot write"):
        run(options)
    assert not list(tmp_path.iterdir())


def test_a_file_in_place_of_a_parent_is_named(tmp_path: Path) -> None:
    """A folder below a file is an error about the output, not a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Not a directory"):
        run(NewModelOptions(code_dir=tmp_path / "file" / "m", template="hooks"))


def test_folder_has_usual_permissions(tmp_path: Path) -> None:
    """The folder is as open as `mkdir` would have made it."""
    (tmp_path / "usual").mkdir()
    made = _make(tmp_path / "m", "hooks")
    assert stat.S_IMODE(made.stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_interrupted_leaves_nothing(
    sign: signal.Signals, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    """A signal while files are written ends with status 130, and no half-made folder is left."""
    # The last file to write is replaced by a pipe that nobody reads: the command is stuck there.
    program = """
import os, sys, pathlib
from drum_core.cli import main
write = pathlib.Path.write_bytes
def slow(path, content):
    if path.name == "model-metadata.yaml":
        print("half made", file=sys.stderr, flush=True)
        os.read(0, 1)
    return write(path, content)
pathlib.Path.write_bytes = slow
sys.exit(main(["new", "model", "--code-dir", "m", "--template", "hooks"]))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=environ,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "half made\n"
    assert len(list(tmp_path.iterdir())) == 1
    time.sleep(0.1)
    os.kill(process.pid, sign)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "drum new model: interrupted\n"
    assert not list(tmp_path.iterdir())


def test_without_scikit_learn_the_extra_is_named(
    tmp_path: Path, environ: Mapping[str, str]
) -> None:
    """Where scikit-learn is missing, the error says what to install, and nothing is made."""
    program = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from drum_core.cli import main\n"
        "sys.exit(main(['new', 'model', '--code-dir', 'm', '--template', 'sklearn-binary']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "pip install 'drum-runtime[sklearn]'" in done.stderr
    assert not list(tmp_path.iterdir())


def test_json_is_the_report_alone(
    tmp_path: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """With --json the standard output is one object: the folder, its files, what to try next."""
    done = drum("new", "model", "--code-dir", "m", "--template", "hooks", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["code_dir"] == str(tmp_path / "m")
    assert sorted(report["files"]) == sorted(str(path) for path in (tmp_path / "m").iterdir())
    assert report["next_commands"][0] == "drum score --code-dir m --input m/input.csv"


def test_training_is_shown_on_a_terminal(drum_on_terminal: Callable[..., tuple[int, str]]) -> None:
    """While a template is being trained, a terminal says so."""
    words = ("new", "model", "--code-dir", "m", "--template", "sklearn-regression")
    status, shown = drum_on_terminal(*words, NO_COLOR="1")
    assert status == 0
    assert "Training the model" in shown
