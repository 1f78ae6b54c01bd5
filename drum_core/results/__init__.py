"""What a run gives back to the one who embeds it; the command line prints it."""

from typing import TypeAlias

from drum_core.results.comparison import ComparisonResult
from drum_core.results.configuration import ConfigurationResult, Setting
from drum_core.results.fit import FitResult
from drum_core.results.new import NewModelResult
from drum_core.results.new_env import NewEnvResult
from drum_core.results.perf_test import PerfTestResult
from drum_core.results.push import PushResult
from drum_core.results.report import JSON, Report
from drum_core.results.score import ScoreResult
from drum_core.results.server import ServerResult
from drum_core.results.validation import CheckResult, CheckStatus, Finding, ValidationResult

__all__ = [
    "JSON",
    "CheckResult",
    "CheckStatus",
    "ComparisonResult",
    "ConfigurationResult",
    "Finding",
    "FitResult",
    "NewEnvResult",
    "NewModelResult",
    "PerfTestResult",
    "PushResult",
    "Report",
    "RunResult",
    "ScoreResult",
    "ServerResult",
    "Setting",
    "ValidationResult",
]

RunResult: TypeAlias = (
    ScoreResult
    | ServerResult
    | FitResult
    | PerfTestResult
    | ComparisonResult
    | ValidationResult
    | NewModelResult
    | NewEnvResult
    | PushResult
)
"""What any run gives back."""
