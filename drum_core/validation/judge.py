"""Does one check, and makes of all that may come out of it one verdict."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

from drum_core.errors import DrumError, UserHTTPError
from drum_core.options.choices import ValidationCheck
from drum_core.results.validation import CheckStatus, Finding
from drum_core.user.masking import masked
from drum_core.validation.catalogue import function_of
from drum_core.validation.exchange import Step, Verdict
from drum_core.validation.session import BaseFailed, NotApplicable, Session, Subject, answer

__all__ = ["judge"]

_CHANCE: Final = (
    "This does not count how answers to one request differ from each other: see the check repeat."
)


def judge(
    check: ValidationCheck,
    subject: Subject,
    tell: Callable[[Step], None],
    keep: Path | None,
) -> Verdict:
    """What a check finds; an error of its own is told as what it is."""

    def step(done: Step) -> None:
        tell(dataclasses.replace(done, what=masked(done.what)))

    session = Session(subject=subject, tell=step, keep=keep)
    try:
        verdict = function_of(check)(session)
        if session.by_chance and verdict.status is CheckStatus.PASSED:
            return dataclasses.replace(verdict, details=f"{verdict.details} {_CHANCE}")
        return verdict
    except NotApplicable as reason:
        return Verdict(CheckStatus.SKIPPED, str(reason))
    except BaseFailed as error:
        if ValidationCheck.BATCH in subject.options.checks() and _fails_as_a_whole(subject):
            return Verdict(
                CheckStatus.SKIPPED, "The model does not predict on its input: see batch."
            )
        finding = Finding(message=str(error), dataset=session.dataset)
        return Verdict(
            CheckStatus.FAILED, "The model does not predict on the rows as they are.", (finding,)
        )
    except Exception as error:
        finding = Finding(message="".join(traceback.format_exception(error))[-3000:])
        details = f"The check itself failed ({type(error).__name__}), which is a bug in drum."
        return Verdict(CheckStatus.FAILED, details, (finding,), advice="Please report it.")


def _fails_as_a_whole(subject: Subject) -> bool:

    try:
        answer(subject, subject.request)
    except (DrumError, UserHTTPError):
        return True
    return False
