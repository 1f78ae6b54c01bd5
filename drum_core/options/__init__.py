"""What a run is told: one frozen dataclass per run mode, in which a field is an option."""

from typing import TypeAlias

from drum_core.options.base import ModelOptions, OptionsBase
from drum_core.options.choices import Language, RunMode, TargetType, ValidationCheck
from drum_core.options.fit import FitOptions
from drum_core.options.new import NewModelOptions
from drum_core.options.new_env import NewEnvOptions
from drum_core.options.perf_test import ComparisonOptions, PerfTestOptions
from drum_core.options.push import PushOptions
from drum_core.options.report import ReportOptions
from drum_core.options.score import ScoreOptions
from drum_core.options.server import ServerOptions, ServerSettings
from drum_core.options.validation import ValidationOptions

__all__ = [
    "ComparisonOptions",
    "FitOptions",
    "Language",
    "ModelOptions",
    "NewEnvOptions",
    "NewModelOptions",
    "Options",
    "OptionsBase",
    "PerfTestOptions",
    "PushOptions",
    "ReportOptions",
    "RunMode",
    "ScoreOptions",
    "ServerOptions",
    "ServerSettings",
    "TargetType",
    "ValidationCheck",
    "ValidationOptions",
]

Options: TypeAlias = (
    ScoreOptions
    | ServerOptions
    | FitOptions
    | PerfTestOptions
    | ComparisonOptions
    | ValidationOptions
    | NewModelOptions
    | NewEnvOptions
    | PushOptions
)
"""The options of any run mode; `match` over it is exhaustive."""
