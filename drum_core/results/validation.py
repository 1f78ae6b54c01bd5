"""What `drum validation` gives back."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from drum_core.options.choices import ValidationCheck
from drum_core.results.report import JSON, Report

__all__ = ["CheckResult", "CheckStatus", "Finding", "ValidationResult"]


class CheckStatus(enum.Enum):
    """How a check came out. Only `FAILED` makes the run fail."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    WARNING = "WARNING"
    """What was found may be meant so, and has to be known before the model is deployed."""
    SKIPPED = "SKIPPED"
    """The check makes no sense for this model or this input, or could not be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a check found.

    `feature` is the column it is about, if it is about one. `rows` are the first rows of the input
    where it shows, counted from 0. `dataset` is the input it was found with, where
    `ValidationOptions.keep_datasets` asked for it.
    """

    message: str
    feature: str | None = None
    rows: tuple[int, ...] = ()
    dataset: Path | None = None

    def report(self) -> Report:
        """The same as JSON."""
        return {
            "message": self.message,
            "feature": self.feature,
            "rows": list(self.rows),
            "dataset": None if self.dataset is None else str(self.dataset),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What one check did and found.

    `details` is a sentence about how it came out; `advice` says what to change, and is empty where
    there is nothing to change. `seconds` is how long it took.
    """

    check: ValidationCheck
    title: str
    status: CheckStatus
    did: str
    details: str
    advice: str = ""
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0

    def report(self) -> Report:
        """The same as JSON."""
        return {
            "check": self.check.value,
            "title": self.title,
            "status": self.status.value,
            "did": self.did,
            "details": self.details,
            "advice": self.advice,
            "findings": [finding.report() for finding in self.findings],
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationResult:
    """What the checks found, in the order of `ValidationCheck`."""

    checks: tuple[CheckResult, ...]
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.with_status(CheckStatus.FAILED)

    def with_status(self, status: CheckStatus) -> tuple[CheckResult, ...]:
        """The checks that came out so."""
        return tuple(check for check in self.checks if check.status is status)

    def report(self) -> Report:
        """The same as JSON."""
        counted = Counter(check.status for check in self.checks)
        counts: dict[str, JSON] = {status.value.lower(): counted[status] for status in CheckStatus}
        return {
            "passed": self.passed,
            "counts": counts,
            "checks": [check.report() for check in self.checks],
            "seconds": round(self.seconds, 3),
        }
