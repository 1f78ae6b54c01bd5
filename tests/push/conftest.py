"""DataRobot as far as a push needs it, and an environment that says how to get there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.model_folders import DOUBLE, make_folder
from tests.push.platform_service import TOKEN, Platform, running_platform

INFERENCE = """\
name: doubled
type: inference
targetType: regression
environmentID: env1
validation:
  input: rows.csv
inferenceModel:
  targetName: y
"""


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment and a home that say nothing of DataRobot; gives the home."""
    for name in ("ENDPOINT", "API_TOKEN", "CONFIG_FILE"):
        monkeypatch.delenv(f"DATAROBOT_{name}", raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture
def platform(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """A running service, which the variables name."""
    with running_platform() as running:
        monkeypatch.setenv("DATAROBOT_ENDPOINT", running.endpoint)
        monkeypatch.setenv("DATAROBOT_API_TOKEN", TOKEN)
        yield running


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder that can be pushed: it predicts twice x."""
    folder = make_folder(tmp_path / "model", metadata=INFERENCE, custom=DOUBLE)
    (folder / "rows.csv").write_text("x\n1\n2\n")
    return folder
