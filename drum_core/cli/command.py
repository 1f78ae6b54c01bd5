"""One command, from its words to its exit status."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from drum_core.cli import console
from drum_core.cli.exit_codes import ExitStatus, status_of
from drum_core.cli.parser import Asks, Command, parse
from drum_core.cli.planned import parameters_without_effect, refuse_parameters
from drum_core.cli.resolve import resolve
from drum_core.environment import environment, exported
from drum_core.errors import (
    ArtifactError,
    DrumError,
    HookError,
    HookFailedError,
    NotBuiltYetError,
    OptionError,
    UserHTTPError,
)
from drum_core.options.base import ModelOptions
from drum_core.options.flag import options_of
from drum_core.options.server import ServerOptions

if TYPE_CHECKING:
    from drum_core.options import Options
    from drum_core.results import RunResult

__all__ = ["run_command"]

_logger = logging.getLogger("drum")

_OF_USER_CODE: Final = (ArtifactError, HookError, HookFailedError)


def run_command(argv: Sequence[str] | None) -> int:
    """Parses, runs, reports; returns the exit status."""
    name = "drum"
    console.ensure_streams()
    try:
        command = parse(argv)
        name = command.parser.prog
        parameters = _parameters(command, environment())
        options, warnings = _options(command, {**environment(), **parameters})
    except SystemExit as stop:  # help, version, wrong usage: argparse has said it
        return console.finish(stop.code if isinstance(stop.code, int) else ExitStatus.ERROR)
    except (Exception, KeyboardInterrupt) as error:
        return _report(name, error, show_stacktrace=False)

    from drum_core.logs import logs_shown

    # The process is ours, so its children see the parameters too, as under DRUM.
    with (
        exported(parameters),
        logs_shown(
            options.logging_level,
            verbose=options.verbose,
            form=options.log_format if isinstance(options, ServerOptions) else "text",
            access=isinstance(options, ServerOptions) and options.access_log,
        ),
    ):
        for warning in warnings:
            _logger.warning(warning)
        try:
            if command.asks is not Asks.RUN and isinstance(options, ServerOptions):
                return console.finish(_inspect(options, command.asks, name))
            return console.finish(_run(options))
        except SystemExit:  # how servers end
            raise
        except BaseException as error:
            return _report(name, error, show_stacktrace=options.show_stacktrace)


def _parameters(command: Command, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that the file of runtime parameters stands for; none without such a file.

    The file may hold parameters that are options. Raises `RuntimeParameterError`.
    """
    fields = options_of(command.options_class)
    try:
        values = resolve(fields, command.given, environ).values
    except OptionError:
        return {}  # it is told when the options are built
    folder, file = Path(str(values.get("code_dir", ""))), values.get("runtime_params_file")
    if not file or not folder.is_dir() or not Path(str(file)).is_file():
        return {}
    from drum_core.model.runtime_parameters import read_values
    from drum_core.user.parameters import variable_of

    parameters, _ = read_values(folder, Path(str(file)))
    return {variable_of(name): parameter.envelope for name, parameter in parameters.items()}


def _options(command: Command, environ: Mapping[str, str]) -> tuple[Options, list[str]]:
    """The options object, and what has to be said about how it came about.

    Raises `NotBuiltYetError` where a flag asks for what is not there; wrong usage ends with
    `SystemExit`, after the usage line and the reason.
    """
    if command.unbuilt:
        raise NotBuiltYetError(" ".join(dict.fromkeys(command.unbuilt)))
    options_class = command.options_class
    fields = options_of(options_class)
    try:
        refuse_parameters(options_class.run_mode, environ)
        resolved = resolve(fields, command.given, environ)
        if missing := resolved.missing(fields):
            command.parser.error("the following arguments are required: " + ", ".join(missing))
        build: Callable[..., Options] = options_class
        options = build(**resolved.values, sources=resolved.sources)
    except OptionError as error:
        command.parser.error(str(error))
    if resolved.values.get("production"):
        resolved.warnings.append(
            f"{resolved.sources['production']} is deprecated and does nothing: "
            "choose the number of processes with --max-workers."
        )
    if "memory" in resolved.values and "docker" not in resolved.values:
        resolved.warnings.append(
            f"{resolved.sources['memory']} is for a container, and has no effect without --docker."
        )
    if ineffective := parameters_without_effect(options_class.run_mode, environ):
        resolved.warnings.append(ineffective)
    return options, resolved.warnings


def _inspect(options: ServerOptions, asks: Asks, name: str) -> int:
    """Looks at the configuration of a server that is not started. Raises `DrumError`."""
    if asks is Asks.CHECK:
        from drum_core.modes.server import check

        check(options)
        return ExitStatus.OK
    from drum_core.cli.views.configuration import show_configuration
    from drum_core.modes.configuration import explain

    return show_configuration(explain(options), name, as_json=asks is Asks.EXPLAIN_AS_JSON)


def _run(options: Options) -> int:
    from drum_core.cli.first_requests import requests_suggested
    from drum_core.cli.views import show_result
    from drum_core.options import ReportOptions, ScoreOptions
    from drum_core.results import ScoreResult

    if isinstance(options, ModelOptions) and options.docker is not None:
        from drum_core.cli.containers import is_for_a_container, run_contained

        if is_for_a_container(options):
            with _sigterm_interrupts():
                return run_contained(options)
    started = time.perf_counter()
    with contextlib.ExitStack() as around:
        if isinstance(options, ServerOptions):
            around.enter_context(requests_suggested(options))
        else:
            around.enter_context(_sigterm_interrupts())
        lines: TextIO | None = None
        if not isinstance(options, ServerOptions):
            # The result is on the standard output; what hooks print must not get into it.
            lines = around.enter_context(console.prints_on_stderr())
        if isinstance(options, ReportOptions) and options.json:
            lines = sys.stderr  # the report is alone on the standard output
        result = _result(options, lines)
    seconds = time.perf_counter() - started
    status = show_result(options, result)
    if isinstance(options, ScoreOptions) and options.show_perf and isinstance(result, ScoreResult):
        from drum_core.cli.views.score import show_times

        show_times(result, seconds)
    return status


def _result(options: Options, lines: TextIO | None) -> RunResult:
    from drum_core.cli.progress import shown_progress
    from drum_core.runner import CMRunner
    from drum_core.runtime import DrumRuntime

    progress = shown_progress(lines, verbose=options.verbose)
    try:
        with DrumRuntime(options, progress=progress) as runtime:
            return CMRunner(runtime).run()
    except SystemExit as stop:
        # Servers end that way. User code that does would make a score fail with status 0.
        if isinstance(options, ServerOptions):
            raise
        raise DrumError(
            f"The model's code called sys.exit({stop.code!r}), which would end the run before it "
            "has given a result. Let it raise an exception instead."
        ) from stop


@contextlib.contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Makes SIGTERM end a run as Ctrl-C does, so that half-made files are cleaned up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _report(name: str, error: BaseException, *, show_stacktrace: bool) -> int:
    if isinstance(error, KeyboardInterrupt):
        text = "interrupted"
    elif isinstance(error, (DrumError, UserHTTPError)):
        text = f"error: {error}"
        if isinstance(error, _OF_USER_CODE) and error.__cause__ and not show_stacktrace:
            text += " (--show-stacktrace shows where it comes from)"
    else:
        text = (
            f"error: unexpected {type(error).__name__}: {str(error) or '(no message)'}. This is "
            "probably a bug in drum. Please report it with what --show-stacktrace shows."
        )
    console.show_error(name, text, error if show_stacktrace else None)
    return status_of(error)
