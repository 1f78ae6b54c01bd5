"""What every test gets: an environment without variables that DRUM reads."""

from __future__ import annotations

import os

import pytest

from drum_core.environment import RUNTIME_PARAMETER_PREFIX
from drum_core.options import FitOptions, ScoreOptions, ServerOptions
from drum_core.options.flag import options_of


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes away the variables that act as options, so that only the test sets them."""
    names = {
        option.flag.env
        for cls in (FitOptions, ScoreOptions, ServerOptions)
        for option in options_of(cls)
    }
    for name in list(os.environ):
        if name in names or name.startswith(RUNTIME_PARAMETER_PREFIX):
            monkeypatch.delenv(name)
