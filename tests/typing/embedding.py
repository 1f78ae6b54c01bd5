"""Embedding as platform teams write it; `assert_type` is checked by mypy and by pyright."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import assert_never

from fastapi import FastAPI
from flask import Flask
from pandas import DataFrame
from typing_extensions import assert_type

from drum_core import (
    CMRunner,
    ComparisonOptions,
    ComparisonResult,
    DrumRuntime,
    FitOptions,
    FitResult,
    Handler,
    LocalWorker,
    NewEnvOptions,
    NewEnvResult,
    NewModelOptions,
    NewModelResult,
    Options,
    PerfTestOptions,
    PerfTestResult,
    Progress,
    PushOptions,
    PushResult,
    Request,
    Response,
    Route,
    RoutePolicy,
    RunMode,
    RunResult,
    ScoreOptions,
    ScoreResult,
    ServerOptions,
    ServerResult,
    TargetType,
    ValidationOptions,
    ValidationResult,
    WebApp,
    WorkerContext,
)
from drum_core.progress import Advance
from drum_core.protocols import Cleanup
from drum_core.results import Report
from drum_core.results.validation import CheckResult, CheckStatus
from drum_web import FastAPIApp, FastAPIWorkerCtx, FlaskApp, WorkerCtx


def mounts_on_fastapi() -> FastAPI:
    """The example of README.md."""
    options = ServerOptions(
        code_dir=Path("model"), target_type=TargetType.REGRESSION, url_prefix="/iris"
    )
    worker = FastAPIWorkerCtx()
    app = FastAPI(lifespan=worker.lifespan)
    with DrumRuntime(options) as runtime:
        runner = CMRunner(runtime, app=FastAPIApp(app), worker_ctx=worker)
        assert_type(runner.options, ServerOptions)
        assert_type(runner.run(), ServerResult)
    return app


def mounts_on_flask(worker: WorkerCtx) -> Flask:
    """The same on Flask."""
    app = Flask(__name__)
    with DrumRuntime(ServerOptions(code_dir=Path("model"))) as runtime:
        CMRunner(runtime, FlaskApp(app), worker).run()
    return app


def scores() -> DataFrame:
    """A result has the type of its mode."""
    with DrumRuntime(ScoreOptions(code_dir=Path("m"), input=Path("x.csv"))) as runtime:
        result = CMRunner(runtime).run()
        assert_type(result, ScoreResult)
        assert_type(result.rows, int)
        return result.predictions


def makes_a_model() -> NewModelResult:
    """Each mode has a result of its own."""
    with DrumRuntime(NewModelOptions(code_dir=Path("m"), template="hooks")) as runtime:
        return CMRunner(runtime).run()


def makes_an_image() -> list[str]:
    """`drum new env`: what is installed, and what to run next."""
    with DrumRuntime(NewEnvOptions(code_dir=Path("m"), image="m:1", max_workers=2)) as runtime:
        result = CMRunner(runtime).run()
    assert_type(result, NewEnvResult)
    assert_type(result.requirements, tuple[str, ...])
    return [*result.notes, *result.next_commands]


class Bar:
    """A Progress without inheritance: whoever has three methods is told."""

    @contextmanager
    def phase(self, what: str, /) -> Iterator[None]:
        """A step of unknown length."""
        yield

    @contextmanager
    def task(self, what: str, total: int | None, /, *, unit: str = "rows") -> Iterator[Advance]:
        """A step that is counted."""
        done = 0

        def advance(more: int) -> None:
            nonlocal done
            done += more

        yield advance

    def say(self, line: str, /) -> None:
        """A line."""


def fits(bar: Progress) -> Path:
    """`drum fit`, with progress: the folder, if its predictions were the same twice."""
    options = FitOptions(
        code_dir=Path("task"), input=Path("rows.csv"), target="price", output=Path("model")
    )
    with DrumRuntime(options, progress=bar) as runtime:
        assert_type(runtime.progress, Progress)
        result = CMRunner(runtime).run()
    assert_type(result, FitResult)
    assert_type(result.target_type, TargetType)
    assert_type([phase.seconds for phase in result.phases], list[float])
    if not result.passed or result.output is None:
        raise RuntimeError(f"{result.rows} rows were not enough")
    return result.output


def validates() -> dict[str, str]:
    """`drum validation`: what failed, and what to change."""
    options = ValidationOptions(code_dir=Path("m"), input=Path("rows.csv"), jobs=1)
    with DrumRuntime(options, progress=Bar()) as runtime:
        result = CMRunner(runtime).run()
    assert_type(result, ValidationResult)
    failed = result.with_status(CheckStatus.FAILED)
    assert_type(failed, tuple[CheckResult, ...])
    return {check.title: check.advice for check in failed}


def measures() -> float:
    """`drum perf-test`: requests a second of the best case."""
    options = PerfTestOptions(
        code_dir=Path("m"), input=Path("rows.csv"), concurrency=(1, 8), duration=1.0
    )
    with DrumRuntime(options) as runtime:
        result = CMRunner(runtime).run()
    assert_type(result, PerfTestResult)
    assert_type(result.failed, bool)
    return max(case.throughput or 0.0 for case in result.cases)


def compares() -> ComparisonResult:
    """Two reports of it."""
    options = ComparisonOptions(compare=(Path("before.json"), Path("after.json")))
    with DrumRuntime(options) as runtime:
        return CMRunner(runtime).run()


def pushes() -> str | None:
    """`drum push`: where the model is now; in a dry run nowhere."""
    with DrumRuntime(PushOptions(code_dir=Path("m"), dry_run=True)) as runtime:
        result = CMRunner(runtime).run()
    assert_type(result, PushResult)
    assert_type(result.size, int)
    return result.url


def tells_any_result(result: RunResult) -> Report | None:
    """`match` over the results is exhaustive; all but two are reports."""
    match result:
        case ScoreResult() | ServerResult():
            return None
        case FitResult() | ValidationResult() | PerfTestResult() | ComparisonResult():
            return result.report()
        case PushResult() | NewModelResult() | NewEnvResult():
            return result.report()
        case _:
            assert_never(result)


def runs_anything(options: Options) -> RunResult:
    """Options of a mode that is known only when the program runs."""
    with DrumRuntime(options) as runtime:
        runner = CMRunner(runtime)
        assert_type(runner.run_mode, RunMode)
        return runner.run()


def has_attributes(runner: CMRunner[ServerOptions]) -> None:
    """The public attributes."""
    assert_type(runner.runtime, DrumRuntime[ServerOptions])
    assert_type(runner.app, WebApp | None)
    assert_type(runner.worker_ctx, WorkerContext)
    assert_type(runner.target_type, TargetType | None)
    runner.logger.info("hello")
    runner.terminate()


def covers_every_mode(options: Options) -> str:
    """`match` over the options is exhaustive."""
    match options:
        case ScoreOptions():
            return str(options.input)
        case ServerOptions():
            return options.address
        case NewModelOptions() | NewEnvOptions():
            return str(options.code_dir)
        case ComparisonOptions():
            return str(options.compare)
        case FitOptions() | PerfTestOptions() | ValidationOptions() | PushOptions():
            return options.run_mode.value
        case _:
            assert_never(options)


class OwnApp:
    """A WebApp without inheritance: structure is enough."""

    def server_type(self) -> str:
        """Its name."""
        return "own"

    def add_routes(self, routes: Sequence[Route], /, *, prefix: str = "") -> None:
        """Takes the routes."""
        for route in routes:
            assert_type(route.handler, Handler)
            assert_type(route.policy, RoutePolicy)
            assert_type(route.handler(Request(method="GET", path=prefix)), Response)

    def load_extension(self, code_dir: Path, /) -> Path | None:
        """Has none."""
        return None


class OwnWorker:
    """A WorkerContext without inheritance."""

    def running(self) -> bool:
        """Always."""
        return True

    def add_thread(self, thread: Thread, /, *, name: str | None = None) -> None:
        """Starts it."""
        thread.start()

    def defer_stop(self, callback: Cleanup, /, *, order: int = 0, desc: str = "") -> None:
        """Never stops."""

    def defer_cleanup(self, callback: Cleanup, /, *, order: int = 0, desc: str = "") -> None:
        """Never ends."""

    def fail(self, error: BaseException, /) -> None:
        """Raises it."""
        raise error


async def closes_later() -> None:
    """An asynchronous cleanup."""


def takes_own_classes(runtime: DrumRuntime[ServerOptions]) -> None:
    """Both Protocols are open to everybody."""
    app: WebApp = OwnApp()
    worker: WorkerContext = OwnWorker()
    CMRunner(runtime, app, worker).run()
    with LocalWorker() as local:
        local.defer_cleanup(closes_later)
        local.defer_stop(lambda: None, order=3, desc="nothing")
