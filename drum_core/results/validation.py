"""What `drum validation` gives back."""

from __future__ import annotations

from dataclasses import dataclass

from drum_core.results.report import Report

__all__ = ["ValidationResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationResult:
    """What the checks found."""

    def report(self) -> Report:
        """The same as JSON."""
        return {}
