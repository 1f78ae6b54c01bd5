"""The check of memory, where it has little time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from drum_core import LocalWorker
from drum_core.options import ValidationOptions
from drum_core.validation.checks.memory import memory
from drum_core.validation.session import NotApplicable, Session
from drum_core.validation.subject import load_subject
from tests.validation.defects import write_model

LEAK = """
kept = []

def score(data, model, **kwargs):
    kept.append(data.to_dict())
    return answer(probability(features(data), model))
"""


def test_a_leak_is_not_passed_for_want_of_time(tmp_path: Path) -> None:
    """Where the time is over before objects are counted, the check says so; it has not passed."""
    folder = write_model(tmp_path / "m", LEAK)
    with LocalWorker() as worker:
        options = ValidationOptions(code_dir=folder, input=folder / "input.csv")
        subject = load_subject(options, worker)
        late = time.monotonic() - options.timeout
        session = Session(subject=subject, tell=lambda step: None, started=late)
        with pytest.raises(NotApplicable, match="no time to count Python's objects"):
            memory(session)
