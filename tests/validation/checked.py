"""Runs checks: in this process where they do no harm, else as `drum validation` does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from drum_core import CMRunner, DrumRuntime, LocalWorker
from drum_core.options import ValidationOptions
from drum_core.options.choices import ValidationCheck as Check
from drum_core.results import CheckStatus, ValidationResult
from drum_core.validation.exchange import Verdict
from drum_core.validation.judge import judge
from drum_core.validation.subject import load_subject

ELSEWHERE = frozenset({Check.RELOAD, Check.SERVER, Check.MEMORY})
"""The checks that start processes, or take long."""


def verdicts(folder: Path, given: Path | None = None) -> Mapping[Check, Verdict]:
    """What all checks find that can be done in this process."""
    options = ValidationOptions(code_dir=folder, input=given or folder / "input.csv")
    with LocalWorker() as worker:
        subject = load_subject(options, worker)
        return {
            check: judge(check, subject, lambda step: None, None)
            for check in Check
            if check not in ELSEWHERE
        }


def validated(folder: Path, **options: object) -> ValidationResult:
    """What `drum validation` finds."""
    told: dict[str, object] = {"code_dir": folder, "input": folder / "input.csv", **options}
    with DrumRuntime(ValidationOptions(**told)) as runtime:  # type: ignore[arg-type]  # the tests give what fits
        return CMRunner(runtime).run()


def with_status(found: Mapping[Check, Verdict], status: CheckStatus) -> frozenset[Check]:
    """The checks that came out so."""
    return frozenset(check for check, verdict in found.items() if verdict.status is status)


def names(checks: Iterable[Check]) -> list[str]:
    """For error texts."""
    return sorted(check.value for check in checks)
