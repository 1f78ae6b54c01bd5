"""What the run and the processes that check tell each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from drum_core.options.choices import ValidationCheck
from drum_core.results.validation import CheckStatus, Finding

__all__ = ["AS_THEY_ARE", "Loaded", "NotLoaded", "Reply", "Step", "Unusable", "Verdict"]

AS_THEY_ARE: Final = "the rows as they are"
"""The step that almost every check begins with: where it ends a process, it ends them all."""

Task: TypeAlias = ValidationCheck
"""What a process is asked to do; `None` is for its end."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The model is loaded, and the process waits for what to check."""


@dataclass(frozen=True, slots=True)
class NotLoaded:
    """The model cannot be loaded."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """The input, or an option, is at fault, and not the model: the run cannot go on."""

    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """What a check is about to do: all that is known of it when the process dies."""

    what: str
    feature: str | None = None
    dataset: Path | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a check came out. Where `advice` is empty, that of the check counts."""

    status: CheckStatus
    details: str
    findings: tuple[Finding, ...] = ()
    advice: str = ""


Reply: TypeAlias = Loaded | NotLoaded | Unusable | Step | Verdict
"""What a process says. `Step` comes any number of times before a `Verdict`."""
