"""What a check makes of answers, tables and times at the edge of what it can judge."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pytest

from drum_core import LocalWorker
from drum_core.errors import OutputError
from drum_core.options import ValidationOptions
from drum_core.options.choices import ValidationCheck as Check
from drum_core.results import CheckStatus
from drum_core.results.validation import Finding
from drum_core.validation import session as sessions
from drum_core.validation.checks.processes import _read_table
from drum_core.validation.children import Children
from drum_core.validation.compare import OTHER_SHAPE, gaps
from drum_core.validation.exchange import Verdict
from drum_core.validation.judge import judge
from drum_core.validation.run import Run
from drum_core.validation.subject import load_subject
from tests.model_folders import REGRESSION, make_folder
from tests.validation.checked import validated

FIRST: Final = """
def load_model(code_dir):
    return "model"
def score(data, model, **kwargs):
    import pandas as pd
    return pd.DataFrame({"Predictions": [1.0] * len(data)})
"""
TRANSFORM: Final = """
def load_model(code_dir):
    return "model"
def transform(data, model):
    return %s
"""


def _found(folder: Path, given: Path, *checks: Check) -> Mapping[Check, Verdict]:
    options = ValidationOptions(code_dir=folder, input=given)
    with LocalWorker() as worker:
        subject = load_subject(options, worker)
        return {check: judge(check, subject, lambda step: None, None) for check in checks}


def _rows(folder: Path) -> Path:
    given = folder / "input.csv"
    given.write_text("a,b\n1,x\n2,y\n3,x\n4,y\n")
    return given


def test_answers_read_back_as_they_were_written(tmp_path: Path) -> None:
    """Texts that look like numbers, or like nothing, stay texts; numbers and truth values too."""
    base = pd.DataFrame(
        {
            "text": pd.Series(["NA", "None", "", "nan"], dtype="str"),
            "digits": pd.Series(["007", "1e3", "5", "6"], dtype="str"),
            "object": pd.Series(["1", None, "", 'x,\n"y"'], dtype=object),
            "number": [0.1, np.nan, np.inf, 1e-300],
            "whole": [1, 2, 3, 2**62 + 1],
            "flag": [True, False, True, True],
        }
    )
    base.to_csv(tmp_path / "table", index=False)
    read = _read_table(tmp_path / "table", base)
    assert gaps(base, read, OTHER_SHAPE) == []
    assert list(read.columns) == list(base.columns)
    other = base.assign(text=["NA", "None", "", "other"])
    assert [gap.place for gap in gaps(other, read, OTHER_SHAPE)] == [3]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("data[['a']].assign(**({'more': 1.0} if len(data) == 1 else {}))", "more"),
        ("data[['a']] if len(data) > 1 else data[['a']].rename(columns={'a': 'z'})", "z"),
    ],
)
def test_another_form_of_an_answer_for_single_rows_fails(
    tmp_path: Path, answer: str, said: str
) -> None:
    """A row that has other columns when it is alone is no row that was not looked at."""
    metadata = REGRESSION.replace("regression", "transform")
    folder = make_folder(tmp_path / "m", custom=TRANSFORM % answer, metadata=metadata)
    verdict = _found(folder, _rows(folder), Check.ROW_BY_ROW)[Check.ROW_BY_ROW]
    assert verdict.status is CheckStatus.FAILED
    assert all(said in finding.message for finding in verdict.findings)
    assert verdict.findings[0].rows == (0,)


def test_nothing_passes_for_want_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that could not try anything says so, and what to do, instead of having passed."""
    monkeypatch.setattr(sessions, "_SHARE", 0.0)
    folder = make_folder(tmp_path / "m", custom=FIRST)
    checks = (Check.NULLS, Check.MISSING_COLUMN, Check.EXTREME_NUMBERS, Check.ROW_BY_ROW)
    for check, verdict in _found(folder, _rows(folder), *checks).items():
        assert verdict.status is CheckStatus.SKIPPED, check
        assert "--timeout" in verdict.details


def test_the_largest_numbers_can_be_checked(tmp_path: Path) -> None:
    """Other values of numbers that fill 64 bits may have no Arrow form; the rest is asked."""
    folder = make_folder(tmp_path / "m", custom=FIRST)
    given = tmp_path / "input.parquet"
    pd.DataFrame({"a": [2**62, 2**62 + 3, 5, 2**63 - 1], "b": [1, 2, 3, 4]}).to_parquet(given)
    verdict = _found(folder, given, Check.HISTORY)[Check.HISTORY]
    assert verdict.status is CheckStatus.PASSED, verdict


def test_a_folder_that_takes_no_files_is_told_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--keep-datasets is looked at before any check is begun."""
    folder = make_folder(tmp_path / "m", custom=FIRST)
    _rows(folder)
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path / "kept")
    with pytest.raises(OutputError, match="permission denied"):
        validated(folder, keep_datasets=tmp_path / "kept")


def test_a_dataset_that_cannot_be_kept_loses_no_result(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """When the disk is full, or the folder is gone, the finding stays without its input."""
    folder = make_folder(tmp_path / "m", custom=FIRST)
    options = ValidationOptions(
        code_dir=folder, input=_rows(folder), keep_datasets=tmp_path / "gone"
    )
    run = Run(options, Children(options, tmp_path, 1), lambda done: None)
    with caplog.at_level(logging.WARNING):
        (kept,) = run._kept(Check.NULLS, [Finding(message="bad", dataset=options.input)])
    assert kept == Finding(message="bad")
    assert "cannot be kept" in caplog.text
