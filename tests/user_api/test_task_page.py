"""The part of docs/model-code.md about tasks can be followed as it is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from drum_core import CMRunner, DrumRuntime, ScoreOptions
from tests.model_folders import REGRESSION, make_folder

PAGE = Path(__file__).parents[2] / "docs" / "model-code.md"


def test_task_of_the_page_is_trained_and_scored(tmp_path: Path) -> None:
    """The class of the page, trained with its script, predicts the mean of the training data."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## Tasks\n")[2]
    code, script = re.findall(r"^```python\n(.*?)^```$", section, flags=re.DOTALL | re.MULTILINE)
    folder = make_folder(tmp_path / "prices", metadata=REGRESSION, custom=code)
    (tmp_path / "training.csv").write_text("rooms,price\n1,10\n2,30\n")
    (tmp_path / "train.py").write_text(script)
    subprocess.run([sys.executable, "train.py"], cwd=tmp_path, timeout=60, check=True)
    (tmp_path / "rows.csv").write_text("rooms\n1\n5\n")
    with DrumRuntime(ScoreOptions(code_dir=folder, input=tmp_path / "rows.csv")) as runtime:
        assert CMRunner(runtime).run().predictions["Predictions"].tolist() == [20, 20]
