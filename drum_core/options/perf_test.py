"""The options of `drum perf-test`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from drum_core.errors import OptionConflictError, OptionError
from drum_core.options.base import PredictingOptions
from drum_core.options.choices import RunMode
from drum_core.options.flag import Flag
from drum_core.options.processes import ProcessOptions
from drum_core.options.report import ReportOptions

__all__ = ["ComparisonOptions", "PerfTestOptions"]


@dataclass(frozen=True, kw_only=True)
class PerfTestOptions(ReportOptions, PredictingOptions, ProcessOptions):
    """Measures a model under load, on the server that it would run on.

    With none of `samples`, `iterations`, `concurrency` and `rate`: DRUM's four sizes of a request,
    one after another, then `DEFAULT_CONCURRENCY`. With only `samples` or `iterations`: that one
    size. With `concurrency` or `rate`: a case for each of their values.
    """

    run_mode: ClassVar[RunMode] = RunMode.PERF_TEST
    DEFAULT_CONCURRENCY: ClassVar[tuple[int, ...]] = (1, 2, 4, 8, 16)

    input: Annotated[
        Path, Flag(names=("--input",), help="the rows to send", required=True, path="file")
    ]
    samples: Annotated[
        int | None,
        Flag(
            names=("-s", "--samples"),
            help="rows in a request; all of the input, and 1 with --concurrency or --rate",
            minimum=1,
        ),
    ] = None
    iterations: Annotated[
        int | None,
        Flag(
            names=("-i", "--iterations"),
            help="requests in a case, instead of --duration; 1 where only --samples is given",
            minimum=1,
        ),
    ] = None
    concurrency: Annotated[
        tuple[int, ...],
        Flag(
            names=("--concurrency",),
            help="numbers of clients, each of which sends its next request when it has its answer; "
            "by default 1 2 4 8 16",
            metavar="N",
        ),
    ] = ()
    rate: Annotated[
        tuple[float, ...],
        Flag(
            names=("--rate",),
            help="requests a second, sent on time however slow the answers are",
            metavar="R",
        ),
    ] = ()
    duration: Annotated[
        float,
        Flag(names=("--duration",), help="seconds of each --concurrency and --rate", metavar="S"),
    ] = 3.0
    warm_up: Annotated[
        float,
        Flag(names=("--warm-up",), help="seconds of requests that are not counted", metavar="S"),
    ] = 1.0
    timeout: Annotated[
        int, Flag(names=("--timeout",), help="seconds that a case may take", minimum=1)
    ] = 600
    ready_timeout: Annotated[
        int,
        Flag(names=("--ready-timeout",), help="seconds until the server must be ready", minimum=1),
    ] = 300
    in_server: Annotated[
        bool,
        Flag(names=("--in-server",), help="also show the time that the model takes in the server"),
    ] = False
    chat: Annotated[
        bool,
        Flag(
            names=("--chat",),
            help="send the prompts of the input as chats, streamed; also show the time to the "
            "first chunk",
        ),
    ] = False
    url: Annotated[
        str | None,
        Flag(names=("--url",), help="measure the server that runs there, instead of starting one"),
    ] = None
    server_token: Annotated[
        str | None,
        Flag(env="DRUM_SERVER_TOKEN", help="with --url: the token it asks for", secret=True),
    ] = field(default=None, repr=False)
    server: Annotated[
        str | None,
        Flag(
            names=("--server",),
            parameter="DRUM_SERVER_TYPE",
            help="the server to start: flask, gunicorn or fastapi; as drum server chooses",
            metavar="NAME",
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
    report: Annotated[
        Path | None,
        Flag(names=("--report",), help="write a page with charts, which needs no network"),
    ] = None
    exit_zero: Annotated[
        bool,
        Flag(names=("--exit-zero",), help="exit with 0 also when a case fails, as DRUM does"),
    ] = False

    def __post_init__(self) -> None:
        PredictingOptions.__post_init__(self)
        self.check_processes()
        self._check("concurrency", min(self.concurrency, default=1) >= 1, "numbers of at least 1")
        most = max(self.concurrency, default=1)
        self._check("concurrency", most <= 10_000, "numbers up to 10000")
        self._check("rate", all(0 < rate <= 1e6 for rate in self.rate), "numbers above 0")
        for name, least in (("duration", 0.1), ("warm_up", 0.0)):
            value = getattr(self, name)
            fits = math.isfinite(value) and value >= least
            self._check(name, fits, f"a number of at least {least:g}")
        if self.url is not None:
            self._check_url(self.url)

    def _check(self, name: str, fits: bool, expected: str) -> None:
        if not fits:
            raise OptionError(self.sources.get(name, name), getattr(self, name), expected)

    def _check_url(self, url: str) -> None:
        if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", url):
            raise OptionError(
                self.sources.get("url", "url"), url, "an address such as http://127.0.0.1:8080"
            )
        for name in ("server", "max_workers"):
            if (source := self.sources.get(name, "")).startswith("-"):
                raise OptionConflictError(
                    f"{source} is for a server that is started; --url measures one that runs "
                    "already. Leave one of them out."
                )


@dataclass(frozen=True, kw_only=True)
class ComparisonOptions(ReportOptions):
    """Compares two reports of `drum perf-test --json`; needs no model."""

    run_mode: ClassVar[RunMode] = RunMode.PERF_TEST

    compare: Annotated[
        tuple[Path, Path],
        Flag(
            names=("--compare",),
            help="two reports of --json: the base, then the new",
            required=True,
        ),
    ]
