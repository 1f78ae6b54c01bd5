"""Runs a model folder: scores files with it and serves it, on any web framework.

This is the embedding API. Options go into a `DrumRuntime`, a `CMRunner` runs them::

    with DrumRuntime(ScoreOptions(code_dir=Path("model"), input=Path("rows.csv"))) as runtime:
        predictions = CMRunner(runtime).run().predictions
"""

from drum_core.errors import DrumError, UserHTTPError
from drum_core.messages import (
    Body,
    BodyWriter,
    ByteStream,
    Handler,
    Headers,
    Query,
    Request,
    Response,
    Route,
    RoutePolicy,
)
from drum_core.options import (
    ComparisonOptions,
    FitOptions,
    Language,
    NewEnvOptions,
    NewModelOptions,
    Options,
    PerfTestOptions,
    PushOptions,
    RunMode,
    ScoreOptions,
    ServerOptions,
    ServerSettings,
    TargetType,
    ValidationOptions,
)
from drum_core.progress import NoProgress, Progress
from drum_core.protocols import Assemble, Cleanup, Serve, WebApp, WorkerContext
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
from drum_core.runner import CMRunner
from drum_core.runtime import DrumRuntime
from drum_core.version import __version__
from drum_core.worker import LocalWorker, Worker

__all__ = [
    "Assemble",
    "Body",
    "BodyWriter",
    "ByteStream",
    "CMRunner",
    "Cleanup",
    "ComparisonOptions",
    "ComparisonResult",
    "DrumError",
    "DrumRuntime",
    "FitOptions",
    "FitResult",
    "Handler",
    "Headers",
    "Language",
    "LocalWorker",
    "NewEnvOptions",
    "NewEnvResult",
    "NewModelOptions",
    "NewModelResult",
    "NoProgress",
    "Options",
    "PerfTestOptions",
    "PerfTestResult",
    "Progress",
    "PushOptions",
    "PushResult",
    "Query",
    "Request",
    "Response",
    "Route",
    "RoutePolicy",
    "RunMode",
    "RunResult",
    "ScoreOptions",
    "ScoreResult",
    "Serve",
    "ServerOptions",
    "ServerResult",
    "ServerSettings",
    "TargetType",
    "UserHTTPError",
    "ValidationOptions",
    "ValidationResult",
    "WebApp",
    "Worker",
    "WorkerContext",
    "__version__",
]
