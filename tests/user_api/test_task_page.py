"""The part of docs/model-code.md about tasks, and docs/training.md, can be followed as they are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from drum_core.cli import main
from drum_core.modes.new import run
from drum_core.options import NewModelOptions
from tests.model_folders import make_folder

DOCS = Path(__file__).parents[2] / "docs"
TRAINING = "name: prices\ntype: training\ntargetType: regression\n"


def blocks(page: str, language: str, after: str = "\n") -> list[str]:
    """The code blocks of a page, from a heading on."""
    text = (DOCS / page).read_text(encoding="utf-8").partition(after)[2]
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def commands(text: str) -> Iterator[list[str]]:
    """The words of each `drum` command."""
    for line in text.splitlines():
        if line.startswith("drum "):
            yield shlex.split(line)[1:]


def test_task_of_the_page_is_trained_and_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The class of the page, trained by its command, predicts the mean of the training data."""
    code = blocks("model-code.md", "python", "\n## Tasks\n")[0]
    command = blocks("model-code.md", "sh", "\n## Tasks\n")[0]
    monkeypatch.chdir(tmp_path)
    make_folder(tmp_path / "prices", metadata=TRAINING, custom=code)
    (tmp_path / "training.csv").write_text("rooms,price\n1,10\n2,30\n")
    for words in commands(command):
        assert main([*words, "--skip-predict"]) == 0
    (tmp_path / "rows.csv").write_text("rooms\n1\n5\n")
    capsys.readouterr()
    assert main(["score", "--code-dir", "prices-fitted", "--input", "rows.csv"]) == 0
    assert capsys.readouterr().out == "Predictions\n20.0\n20.0\n"


@pytest.mark.parametrize("number", [0, 1])
def test_code_of_the_training_page(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hook and the class of the page train."""
    code = blocks("training.md", "python", "\n## The code\n")[number]
    monkeypatch.chdir(tmp_path)
    make_folder(tmp_path / "task", metadata=TRAINING, custom=code)
    (tmp_path / "rows.csv").write_text("rooms,price,w\n1,10,1\n2,30,2\n3,44,1\n")
    words = ["--input", "rows.csv", "--target", "price", "--row-weights", "w", "--skip-predict"]
    assert main(["fit", "--code-dir", "task", *words]) == 0


def test_commands_of_the_training_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The template is made, trained, tried on its servers, and scored, by the page's commands."""
    monkeypatch.chdir(tmp_path)
    *todo, serve = commands(blocks("training.md", "sh")[0])
    assert serve[0] == "server"
    for words in todo:
        capsys.readouterr()
        assert main(words) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "setosa,versicolor,virginica"
    assert len(out) == 21


def test_commands_of_the_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder to train, of whatever name, is trained by the command it comes with."""
    monkeypatch.chdir(tmp_path)
    made = run(NewModelOptions(code_dir=Path("my task"), template="sklearn-fit"))
    fit = next(commands("\n".join(made.next_commands)))
    assert main([*fit, "--skip-predict"]) == 0
    assert (tmp_path / "my task-fitted" / "model.pkl").is_file()
