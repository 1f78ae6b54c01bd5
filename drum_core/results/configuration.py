"""What `drum explain-config` gives back."""

from __future__ import annotations

from dataclasses import dataclass

from drum_core.results.report import JSON, Report

__all__ = ["ConfigurationResult", "Setting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One option with the value it has.

    `source` is the flag, variable, runtime parameter or file that the value came from, or
    `default`; `set_by` is how it can be set. The value of a secret is masked.
    """

    name: str
    value: JSON
    source: str
    set_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationResult:
    """The settings of a server that was not started, and what would keep it from starting."""

    settings: tuple[Setting, ...]
    problem: str | None

    def report(self) -> Report:
        """The same as JSON."""
        return {
            "settings": {
                setting.name: {
                    "value": setting.value,
                    "source": setting.source,
                    "set_by": setting.set_by,
                }
                for setting in self.settings
            },
            "problem": self.problem,
        }
