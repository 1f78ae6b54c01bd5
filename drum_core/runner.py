"""`CMRunner`: runs one model folder in the mode that its options are made for."""

from __future__ import annotations

import functools
import logging
import warnings
from typing import TYPE_CHECKING, Generic, assert_never, overload

from typing_extensions import deprecated

from drum_core.options import (
    ComparisonOptions,
    FitOptions,
    ModelOptions,
    NewEnvOptions,
    NewModelOptions,
    Options,
    PerfTestOptions,
    PushOptions,
    RunMode,
    ScoreOptions,
    ServerOptions,
    TargetType,
    ValidationOptions,
)
from drum_core.protocols import WebApp, WorkerContext
from drum_core.runtime import DrumRuntime, OptionsT
from drum_core.worker import LocalWorker

if TYPE_CHECKING:
    from drum_core.results import (
        ComparisonResult,
        FitResult,
        NewEnvResult,
        NewModelResult,
        PerfTestResult,
        PushResult,
        RunResult,
        ScoreResult,
        ServerResult,
        ValidationResult,
    )

__all__ = ["CMRunner"]

_RENAMED = "flask_app is now called app, and takes any WebApp"


class CMRunner(Generic[OptionsT]):
    """Runs a model folder: scores, serves, makes one, as the type of the options says.

    `app` is an application to mount the routes of server mode onto; without one, a server of our
    own is run. Other modes ignore it. `worker_ctx` is the life of the worker that `app` runs in;
    without one, a worker of our own lives until `terminate`, or until the runtime is closed.

    Raises `TypeError` for an `app` or a `worker_ctx` that does not have the methods of its
    Protocol.
    """

    runtime: DrumRuntime[OptionsT]
    app: WebApp | None
    worker_ctx: WorkerContext
    logger: logging.Logger

    @overload
    def __init__(
        self,
        runtime: DrumRuntime[OptionsT],
        app: WebApp | None = None,
        worker_ctx: WorkerContext | None = None,
    ) -> None: ...

    @overload
    @deprecated("flask_app is now called app, and takes any WebApp")
    def __init__(
        self,
        runtime: DrumRuntime[OptionsT],
        *,
        worker_ctx: WorkerContext | None = None,
        flask_app: WebApp | None,
    ) -> None: ...

    def __init__(
        self,
        runtime: DrumRuntime[OptionsT],
        app: WebApp | None = None,
        worker_ctx: WorkerContext | None = None,
        flask_app: WebApp | None = None,
    ) -> None:
        if flask_app is not None:
            warnings.warn(_RENAMED, DeprecationWarning, stacklevel=2)
            if app is not None:
                raise TypeError("app and flask_app are two names of one argument: give only app")
            app = flask_app
        _check_app(app)
        _check_worker(worker_ctx)
        self.runtime = runtime
        self.app = app
        self.logger = logging.getLogger("drum")
        self._own_worker: LocalWorker | None = None
        if worker_ctx is None:
            worker_ctx = self._own_worker = LocalWorker()
        self.worker_ctx = worker_ctx
        runtime.on_close(self.terminate)

    @property
    def options(self) -> OptionsT:
        """What the run is told."""
        return self.runtime.options

    @property
    def run_mode(self) -> RunMode:
        """What the run does."""
        return self.options.run_mode

    @functools.cached_property
    def target_type(self) -> TargetType | None:
        """What the model predicts, by the options, else by model-metadata.yaml.

        `None` where neither says, and in modes without a model. Raises `MetadataError`.
        """
        options: Options = self.options
        if not isinstance(options, ModelOptions):
            return None
        from drum_core.model.fit_record import read_fit_record
        from drum_core.model.metadata import read_metadata
        from drum_core.model.target import target_type

        read = read_metadata(options.code_dir)
        recorded = read_fit_record(options.code_dir)
        if options.target_type is None and read is None and recorded is None:
            return None
        return target_type(options, read[0] if read else None)

    @property
    @deprecated("flask_app is now called app, and takes any WebApp")
    def flask_app(self) -> WebApp | None:
        """The same as `app`."""
        return self.app

    @overload
    def run(self: CMRunner[ScoreOptions]) -> ScoreResult: ...
    @overload
    def run(self: CMRunner[ServerOptions]) -> ServerResult: ...
    @overload
    def run(self: CMRunner[NewModelOptions]) -> NewModelResult: ...
    @overload
    def run(self: CMRunner[NewEnvOptions]) -> NewEnvResult: ...
    @overload
    def run(self: CMRunner[FitOptions]) -> FitResult: ...
    @overload
    def run(self: CMRunner[PerfTestOptions]) -> PerfTestResult: ...
    @overload
    def run(self: CMRunner[ComparisonOptions]) -> ComparisonResult: ...
    @overload
    def run(self: CMRunner[ValidationOptions]) -> ValidationResult: ...
    @overload
    def run(self: CMRunner[PushOptions]) -> PushResult: ...
    @overload
    def run(self: CMRunner[Options]) -> RunResult: ...

    def run(self) -> RunResult:
        """Does what the options say, and gives back what came of it.

        With an `app`, server mode returns as soon as the routes are mounted; without one it
        blocks until the server has ended. Raises `DrumError`.
        """
        options: Options = self.options
        progress = self.runtime.progress
        _refuse_container(options)
        match options:
            case ScoreOptions():
                from drum_core.modes.score import score

                return score(options, self.worker_ctx, progress)
            case ServerOptions():
                return self._serve(options)
            case NewModelOptions():
                from drum_core.modes.new import run

                return run(options, progress)
            case NewEnvOptions():
                from drum_core.modes.new_env import make_environment

                return make_environment(options, progress)
            case FitOptions():
                from drum_core.modes.fit import fit

                return fit(options, self.worker_ctx, progress)
            case PerfTestOptions():
                from drum_core.modes.perf_test import measure

                return measure(options, self.worker_ctx, progress)
            case ComparisonOptions():
                from drum_core.modes.perf_test import compare

                return compare(options)
            case ValidationOptions():
                from drum_core.modes.validation import validate

                return validate(options, self.worker_ctx, progress)
            case PushOptions():
                from drum_core.modes.push import push

                return push(options, self.worker_ctx, progress)
            case _:
                assert_never(options)

    def _serve(self, options: ServerOptions) -> ServerResult:
        from drum_core.modes.server import mount, serve

        if self.app is None:
            return serve(options)
        return mount(options, self.app, self.worker_ctx)

    def terminate(self) -> None:
        """Ends the worker that the runner made for itself, and gives back what it held.

        Safe to repeat, from any thread. A worker context that was passed in is left to its owner.
        """
        if self._own_worker is not None:
            self._own_worker.close()


def _refuse_container(options: Options) -> None:
    if isinstance(options, ModelOptions) and options.docker is not None:
        from drum_core.modes.contained import refuse_container

        refuse_container(options)


def _check_app(app: object) -> None:
    if app is not None and not isinstance(app, WebApp):
        raise TypeError(
            f"app must be a WebApp, got a {_type_name(app)}. Wrap a Flask application as "
            "drum_web.FlaskApp(app), a FastAPI one as drum_web.FastAPIApp(app); for another "
            "framework see docs/write-a-webapp.md."
        )


def _check_worker(worker_ctx: object) -> None:
    if worker_ctx is not None and not isinstance(worker_ctx, WorkerContext):
        raise TypeError(
            f"worker_ctx must be a WorkerContext, got a {_type_name(worker_ctx)}. Use "
            "drum_web.FastAPIWorkerCtx or drum_web.WorkerCtx, or leave it out."
        )


def _type_name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
