"""The options of the run modes that are not built yet: enough to name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from drum_core.options.base import OptionsBase
from drum_core.options.choices import RunMode

__all__ = ["FitOptions", "PerfTestOptions", "PushOptions", "ValidationOptions"]


@dataclass(frozen=True, kw_only=True)
class FitOptions(OptionsBase):
    """Trains a model."""

    run_mode: ClassVar[RunMode] = RunMode.FIT


@dataclass(frozen=True, kw_only=True)
class PerfTestOptions(OptionsBase):
    """Measures a model under load."""

    run_mode: ClassVar[RunMode] = RunMode.PERF_TEST


@dataclass(frozen=True, kw_only=True)
class ValidationOptions(OptionsBase):
    """Checks a model before it is deployed."""

    run_mode: ClassVar[RunMode] = RunMode.VALIDATION


@dataclass(frozen=True, kw_only=True)
class PushOptions(OptionsBase):
    """Deploys a model."""

    run_mode: ClassVar[RunMode] = RunMode.PUSH
