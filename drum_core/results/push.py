"""What `drum push` gives back."""

from __future__ import annotations

from dataclasses import dataclass

from drum_core.results.report import Report

__all__ = ["PushResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PushResult:
    """What was uploaded."""

    def report(self) -> Report:
        """The same as JSON."""
        return {}
