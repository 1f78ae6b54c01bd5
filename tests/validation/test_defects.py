from __future__ import annotations

from pathlib import Path

import pytest

from drum_core.options.choices import ValidationCheck as Check
from drum_core.results import CheckStatus
from tests.validation.checked import ELSEWHERE, names, validated, verdicts, with_status
from tests.validation.defects import IN_PROCESS, IN_PROCESSES, Defect, write_model


@pytest.mark.parametrize("defect", IN_PROCESS, ids=lambda defect: str(defect.name))
def test_planted_defects_are_found(defect: Defect, tmp_path: Path) -> None:
    """Each defect fails the checks that are made for it, and no other."""
    found = verdicts(defect.folder(tmp_path / "m"))
    failed = with_status(found, CheckStatus.FAILED)
    told = {check.value: verdict for check, verdict in found.items()}
    assert names(failed) == names(defect.fails), told
    assert names(with_status(found, CheckStatus.WARNING)) == names(defect.warns), told
    for check in failed:
        assert found[check].details
        assert all(finding.message for finding in found[check].findings)


@pytest.mark.parametrize("defect", IN_PROCESSES, ids=lambda defect: str(defect.name))
def test_planted_defects_are_found_in_processes(defect: Defect, tmp_path: Path) -> None:
    """What a model does to its process fails the check it does it in, and not the run."""
    only = [*defect.fails, Check.BATCH, Check.REPEAT]
    hangs = defect.name.startswith("never ends")
    seconds = 20 if hangs else 100  # in which a loaded machine must load the model, too
    result = validated(defect.folder(tmp_path / "m"), only=only, jobs=2, timeout=seconds)
    failed = [check.check for check in result.with_status(CheckStatus.FAILED)]
    assert names(failed) == names(defect.fails), result
    assert not result.with_status(CheckStatus.WARNING)
    if hangs:
        check = next(check for check in result.checks if check.check is Check.NULLS)
        (finding,) = check.findings
        assert finding.message.startswith(
            "With the column 'income' without values, it took longer than 20 s, and was ended. "
            "It was at custom.py, line "
        )
        assert "--timeout" in check.advice


def test_chance_is_not_called_the_same_answer(tmp_path: Path) -> None:
    """Checks that pass because chance alone is wider say so; those of a sound model do not."""
    random = next(defect for defect in IN_PROCESS if defect.name == "random")
    found = verdicts(random.folder(tmp_path / "random"))
    for check in (Check.HISTORY, Check.ROW_BY_ROW, Check.EQUAL_ROWS, Check.EXTRA_COLUMN):
        assert found[check].status is CheckStatus.PASSED
        assert found[check].details.endswith("differ from each other: see the check repeat.")
    sound = verdicts(write_model(tmp_path / "sound"))
    assert not any("see the check repeat" in verdict.details for verdict in sound.values())


def test_every_check_has_a_defect_that_it_finds() -> None:
    """No check is without a defect that it is made for."""
    found = {check for defect in (*IN_PROCESS, *IN_PROCESSES) for check in defect.fails}
    assert found == set(Check)


def test_the_model_without_a_defect_is_sound(tmp_path: Path) -> None:
    """What the defects are planted in passes every check."""
    result = validated(write_model(tmp_path / "m"))
    assert [check for check in result.checks if check.status is not CheckStatus.PASSED] == []
    assert {check.check for check in result.checks} == set(Check)
    assert {check.check for check in result.checks} >= ELSEWHERE
