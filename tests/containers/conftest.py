"""An engine that the client library finds, and a model to run in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.engine_service import FakeEngine, running_engine
from tests.model_folders import DOUBLE, make_folder


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    """An engine, which DOCKER_HOST names."""
    with running_engine() as running:
        monkeypatch.setenv("DOCKER_HOST", running.url)
        monkeypatch.delenv("DOCKER_TLS_VERIFY", raising=False)
        yield running


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that predicts twice the column x, in a folder with a space in its name."""
    return make_folder(tmp_path / "my model", custom=DOUBLE)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Data for it."""
    path = tmp_path / "some rows.csv"
    path.write_text("x\n1\n2\n")
    return path
