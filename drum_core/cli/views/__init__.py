"""What a person gets to see of each result: on a terminal, in a pipe, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import assert_never

from drum_core.cli import console
from drum_core.cli.exit_codes import ExitStatus

if TYPE_CHECKING:
    from drum_core.options import Options
    from drum_core.results import (
        ComparisonResult,
        FitResult,
        NewEnvResult,
        NewModelResult,
        PerfTestResult,
        PushResult,
        RunResult,
        ValidationResult,
    )

__all__ = ["show_result"]


def show_result(options: Options, result: RunResult) -> int:
    """Prints what a run gave: data on the standard output, remarks on the standard error.

    Returns the exit status.
    """
    try:
        return _shown(options, result)
    except OSError as error:
        return console.cannot_print(error)


def _shown(options: Options, result: RunResult) -> int:
    from drum_core.options import ReportOptions
    from drum_core.results import (
        ComparisonResult,
        FitResult,
        NewEnvResult,
        NewModelResult,
        PerfTestResult,
        PushResult,
        ScoreResult,
        ServerResult,
        ValidationResult,
    )

    match result:
        case ServerResult():
            return result.exit_status
        case ScoreResult():
            from drum_core.cli.views.score import show_score

            show_score(result)
            return ExitStatus.OK
        case (
            ComparisonResult()
            | FitResult()
            | NewEnvResult()
            | NewModelResult()
            | PerfTestResult()
            | PushResult()
            | ValidationResult()
        ):
            if isinstance(options, ReportOptions) and options.json:
                console.print_json(result.report())
            else:
                _show_report(result)
            return _status(options, result)
        case _:
            assert_never(result)


def _status(options: Options, result: RunResult) -> int:
    """The exit status of a run that came to its end and gave a report."""
    from drum_core.options import PerfTestOptions, ValidationOptions
    from drum_core.results import FitResult, PerfTestResult, ValidationResult

    if isinstance(result, FitResult):
        from drum_core.cli.views.fit import status_of_fit

        return status_of_fit(result)
    if isinstance(options, PerfTestOptions) and isinstance(result, PerfTestResult):
        return ExitStatus.ERROR if result.failed and not options.exit_zero else ExitStatus.OK
    if isinstance(options, ValidationOptions) and isinstance(result, ValidationResult):
        return ExitStatus.OK if result.passed or options.exit_zero else ExitStatus.ERROR
    return ExitStatus.OK


def _show_report(
    result: ComparisonResult
    | FitResult
    | NewEnvResult
    | NewModelResult
    | PerfTestResult
    | PushResult
    | ValidationResult,
) -> None:
    from drum_core.results import (
        ComparisonResult,
        FitResult,
        NewEnvResult,
        NewModelResult,
        PerfTestResult,
        PushResult,
        ValidationResult,
    )

    match result:
        case NewEnvResult():
            from drum_core.cli.views.new_env import show_new_env

            show_new_env(result)
        case NewModelResult():
            from drum_core.cli.views.new import show_new_model

            show_new_model(result)
        case PushResult():
            from drum_core.cli.views.push import show_push

            show_push(result)
        case FitResult():
            from drum_core.cli.views.fit import show_fit

            show_fit(result)
        case ComparisonResult():
            from drum_core.cli.views.comparison import show_comparison

            show_comparison(result)
        case PerfTestResult():
            from drum_core.cli.views.perf_test import show_perf_test

            show_perf_test(result)
        case ValidationResult():
            from drum_core.cli.views.validation import show_validation

            show_validation(result)
        case _:
            assert_never(result)
