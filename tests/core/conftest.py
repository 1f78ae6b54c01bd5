"""A served model that several files of tests ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drum_core.testing import DictHost
from tests.core.served import serving
from tests.model_folders import DOUBLE, make_folder


@pytest.fixture
def double(tmp_path: Path) -> Iterator[DictHost]:
    """A model that predicts twice the column x."""
    with serving(make_folder(tmp_path / "m", custom=DOUBLE)) as host:
        yield host
