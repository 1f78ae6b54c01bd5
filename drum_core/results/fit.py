"""What `drum fit` gives back."""

from __future__ import annotations

from dataclasses import dataclass

from drum_core.results.report import Report

__all__ = ["FitResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitResult:
    """What training made."""

    def report(self) -> Report:
        """The same as JSON."""
        return {}
