"""Short ways to say how a check came out."""

from __future__ import annotations

from collections.abc import Sequence

from drum_core.results.validation import CheckStatus, Finding
from drum_core.validation.exchange import Verdict

__all__ = ["counted", "failed", "judged", "passed", "warned"]


def counted(count: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def passed(details: str) -> Verdict:
    """Nothing was found."""
    return Verdict(CheckStatus.PASSED, details)


def failed(details: str, findings: Sequence[Finding], advice: str = "") -> Verdict:
    """What was found has to be changed."""
    return Verdict(CheckStatus.FAILED, details, tuple(findings), advice)


def warned(details: str, findings: Sequence[Finding], advice: str = "") -> Verdict:
    """What was found may be meant so."""
    return Verdict(CheckStatus.WARNING, details, tuple(findings), advice)


def judged(
    bad: Sequence[Finding], odd: Sequence[Finding], details: str, when_sound: str
) -> Verdict:
    """Failed for what is bad, else a warning for what is odd, else passed."""
    if bad:
        return failed(details, [*bad, *odd])
    return warned(details, odd) if odd else passed(when_sound)
