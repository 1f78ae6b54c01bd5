"""The options of `drum server`, and what of them a server needs to know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from drum_core.errors import OptionConflictError, OptionError
from drum_core.options.address import DEFAULT_PORT, parse_address
from drum_core.options.choices import RunMode
from drum_core.options.flag import Flag
from drum_core.options.limits import LimitOptions
from drum_core.options.processes import ProcessOptions
from drum_core.options.sidecar import SidecarOptions
from drum_core.options.telemetry import TelemetryOptions
from drum_core.options.tls import TLSSettings

__all__ = ["ServerOptions", "ServerSettings"]


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """What a server is told: where to listen, with how many processes, and how to end.

    Times are in seconds. `graceful_timeout` bounds how long running requests may go on after
    SIGTERM, which comes into effect after `drain_delay`; `keep_alive` is how long an idle
    connection is kept, 0 closes it at once. Where `max_requests` is not 0, workers ask to be
    replaced. Port 0 lets the system choose one. Without `tls` it speaks plain HTTP. `pending` is
    how many requests run the model or wait for it: a server that gives each a thread needs more
    than these, for probes and for bodies that arrive. `probe_address` is where a process of its
    own answers probes; `hang_timeout` is how long Python may not run in a worker before that is a
    hang, 0 for any time.
    """

    host: str
    port: int
    workers: int = 1
    max_requests: int = 0
    drain_delay: int = 0
    backlog: int = 2048
    graceful_timeout: int = 30
    keep_alive: int = 5
    pending: int = 65
    logging_level: str = "warning"
    server_log_level: str | None = None
    log_format: str = "text"
    access_log: bool = False
    tls: TLSSettings | None = None
    probe_address: tuple[str, int] | None = None
    hang_timeout: int = 60


@dataclass(frozen=True, kw_only=True)
class ServerOptions(SidecarOptions, ProcessOptions, TelemetryOptions, LimitOptions):
    """Serves the model over HTTP, on a server of its own or inside an application."""

    run_mode: ClassVar[RunMode] = RunMode.SERVER

    address: Annotated[
        str,
        Flag(
            names=("--address",),
            env="ADDRESS",
            help=f"host[:port] to listen on; the port is {DEFAULT_PORT} by default, 0 picks one",
            required=True,
            metavar="HOST[:PORT]",
        ),
    ] = f"127.0.0.1:{DEFAULT_PORT}"
    server: Annotated[
        str | None,
        Flag(
            names=("--server",),
            parameter="DRUM_SERVER_TYPE",
            help="flask (werkzeug), gunicorn (Flask) or fastapi (uvicorn); by default gunicorn for "
            "a folder that has only custom_flask.py, else fastapi",
            metavar="NAME",
        ),
    ] = None
    url_prefix: Annotated[
        str, Flag(env="URL_PREFIX", help="what every path starts with, such as /iris")
    ] = ""
    with_error_server: Annotated[
        bool,
        Flag(
            names=("--with-error-server",),
            env="WITH_ERROR_SERVER",
            help="when the model fails to load, keep running and answer 513",
        ),
    ] = False
    show_perf: Annotated[
        bool, Flag(names=("--show-perf",), help="collect prediction times for /stats/")
    ] = False
    deployment_config: Annotated[
        Path | None,
        Flag(
            names=("--deployment-config",),
            env="DEPLOYMENT_CONFIG",
            help="JSON with the target's name, classes and threshold; predictions are then "
            "answered as a deployment does",
            path="file",
        ),
    ] = None
    production: Annotated[
        bool,
        Flag(
            names=("--production",),
            env="PRODUCTION",
            help="deprecated, every server here is made for production",
        ),
    ] = False
    api_docs: Annotated[
        str,
        Flag(
            names=("--api-docs",),
            parameter="DRUM_API_DOCS",
            help="whether /openapi.json and /docs describe the routes; auto is on, but off without "
            "a prefix in an application of yours, which may have its own",
            choices=("auto", "on", "off"),
        ),
    ] = "auto"
    backlog: Annotated[
        int,
        Flag(
            parameter="DRUM_WEBSERVER_BACKLOG",
            help="connections that may wait to be accepted",
            minimum=1,
            maximum=10000,
        ),
    ] = 2048
    server_log_level: Annotated[
        str | None,
        Flag(
            parameter="DRUM_GUNICORN_LOG_LEVEL",
            help="the least severe records of gunicorn, or of uvicorn; by default --logging-level",
            choices=("debug", "info", "warning", "error", "critical"),
        ),
    ] = None
    keep_alive: Annotated[
        int,
        Flag(
            parameter="DRUM_GUNICORN_KEEP_ALIVE",
            help="seconds an idle connection is kept",
            minimum=0,
            maximum=3600,
        ),
    ] = 5

    def __post_init__(self) -> None:
        LimitOptions.__post_init__(self)
        self.check_processes()
        self.check_sidecar()
        self._check_isolation()
        parse_address(self.address, self.sources.get("address", "address"))
        object.__setattr__(self, "url_prefix", self._prefix())

    def has_api_docs(self, *, owned: bool) -> bool:
        """Whether the routes are described; `owned` is an application made for them alone."""
        return self.api_docs == "on" or (
            self.api_docs == "auto" and (owned or bool(self.url_prefix))
        )

    def settings(self) -> ServerSettings:
        """The part of the options that a server needs."""
        host, port = parse_address(self.address, "address")
        return ServerSettings(
            host=host,
            port=port,
            workers=self.workers(),
            max_requests=self.max_requests,
            drain_delay=self.drain_delay,
            backlog=self.backlog,
            graceful_timeout=self.graceful_timeout,
            keep_alive=self.keep_alive,
            pending=self.max_concurrency + self.max_waiting,
            logging_level=self.logging_level,
            server_log_level=self.server_log_level,
            log_format=self.log_format,
            access_log=self.access_log,
            tls=self.tls(),
            probe_address=self.probes_at(),
            hang_timeout=self.hang_timeout,
        )

    def _check_isolation(self) -> None:
        """Raises `OptionConflictError` for what the process of a model cannot do."""
        if self.isolate is None:
            return
        if self.max_concurrency > 1:
            raise OptionConflictError(
                f"--isolate process runs one prediction at a time, but --max-concurrency is "
                f"{self.max_concurrency}: killing the process would fail its neighbours. Leave it "
                "at 1, and take more --max-workers."
            )
        if self.monitor_embedded:
            raise OptionConflictError(
                "--isolate process and --monitor-embedded do not go together: the client of the "
                "monitoring cannot be handed to a hook in another process. Leave one out."
            )

    def _prefix(self) -> str:
        prefix = self.url_prefix.rstrip("/")
        if prefix and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", prefix):
            raise OptionError(
                self.sources.get("url_prefix", "url_prefix"),
                self.url_prefix,
                "a path such as /models/iris that starts with a slash",
            )
        return prefix
