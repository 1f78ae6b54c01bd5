"""The options of `drum push`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from drum_core.options.base import ModelOptions
from drum_core.options.choices import RunMode
from drum_core.options.report import ReportOptions

__all__ = ["PushOptions"]


@dataclass(frozen=True, kw_only=True)
class PushOptions(ReportOptions, ModelOptions):
    """Checks a model, and uploads it to DataRobot."""

    run_mode: ClassVar[RunMode] = RunMode.PUSH
