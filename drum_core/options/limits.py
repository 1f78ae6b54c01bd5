"""The options that keep a server standing: how many at a time, for how long, and how large."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from drum_core.errors import OptionConflictError
from drum_core.options.flag import Flag
from drum_core.options.tls import TLSOptions

__all__ = ["LimitOptions"]

_MIB: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class LimitOptions(TLSOptions):
    """Of each worker process. Times are in seconds, 0 for no limit; sizes are in bytes."""

    max_concurrency: Annotated[
        int,
        Flag(
            names=("--max-concurrency",),
            parameter="DRUM_MAX_CONCURRENT_REQUESTS",
            help="predictions that run at a time in a process, each in a thread of its own; more "
            "than 1 only for a model and hooks that are safe with threads",
            minimum=1,
            maximum=512,
        ),
    ] = 1
    max_waiting: Annotated[
        int,
        Flag(
            names=("--max-waiting",),
            parameter="DRUM_MAX_QUEUE_DEPTH",
            help="requests that wait for the model in a process; one more is answered 503",
            minimum=0,
            maximum=1024,
        ),
    ] = 64
    max_wait: Annotated[
        int,
        Flag(
            names=("--max-wait",),
            parameter="DRUM_BACKPRESSURE_TIMEOUT",
            help="seconds that a request waits for the model before it is answered 503",
            metavar="SECONDS",
            minimum=1,
            maximum=3600,
        ),
    ] = 30
    request_timeout: Annotated[
        int,
        Flag(
            names=("--request-timeout",),
            parameter="DRUM_CLIENT_REQUEST_TIMEOUT",
            help="seconds until a prediction is complete, or a stream begins, else 504",
            metavar="SECONDS",
            minimum=0,
            maximum=3600,
        ),
    ] = 600
    stream_idle_timeout: Annotated[
        int,
        Flag(
            names=("--stream-idle-timeout",),
            parameter="DRUM_STREAM_IDLE_TIMEOUT",
            help="seconds between two parts of a stream",
            metavar="SECONDS",
            minimum=0,
            maximum=3600,
        ),
    ] = 60
    stream_timeout: Annotated[
        int,
        Flag(
            names=("--stream-timeout",),
            parameter="DRUM_STREAM_TIMEOUT",
            help="seconds until a stream ends",
            metavar="SECONDS",
            minimum=0,
            maximum=86400,
        ),
    ] = 3600
    proxy_timeout: Annotated[
        int,
        Flag(
            parameter="NIM_DIRECT_ACCESS_REQUEST_TIMEOUT",
            help="seconds until what is proxied by /directAccess/ and /nim/ has been answered",
            minimum=1,
            maximum=86400,
        ),
    ] = 3600
    max_overruns: Annotated[
        int | None,
        Flag(
            names=("--max-overruns",),
            parameter="DRUM_MAX_OVERRUNS",
            help="predictions that may run on after their time; with so many of them the process "
            "turns unready; by default as many as run at a time",
            minimum=1,
            maximum=512,
        ),
    ] = None
    max_body_size: Annotated[
        int,
        Flag(
            names=("--max-body-size",),
            parameter="DRUM_MAX_BODY_SIZE",
            help="the largest request body, in bytes",
            metavar="BYTES",
            minimum=1,
        ),
    ] = 1024 * _MIB
    max_bodies_size: Annotated[
        int | None,
        Flag(
            names=("--max-bodies-size",),
            parameter="DRUM_MAX_BODIES_SIZE",
            help="the bytes of all bodies that a process holds at a time; by default those of two "
            "of the largest",
            metavar="BYTES",
            minimum=1,
        ),
    ] = None
    body_idle_timeout: Annotated[
        int,
        Flag(
            names=("--body-idle-timeout",),
            parameter="DRUM_BODY_IDLE_TIMEOUT",
            help="seconds without a byte of a body, then 408",
            metavar="SECONDS",
            minimum=0,
            maximum=3600,
        ),
    ] = 30
    body_timeout: Annotated[
        int,
        Flag(
            names=("--body-timeout",),
            parameter="DRUM_BODY_TIMEOUT",
            help="seconds until a body is complete, else 408",
            metavar="SECONDS",
            minimum=0,
            maximum=86400,
        ),
    ] = 600
    spool_size: Annotated[
        int,
        Flag(
            names=("--spool-size",),
            parameter="DRUM_SPOOL_SIZE",
            help="a body of more bytes is kept in a temporary file",
            metavar="BYTES",
            minimum=0,
        ),
    ] = 16 * _MIB
    spool_dir: Annotated[
        Path | None,
        Flag(
            names=("--spool-dir",),
            parameter="DRUM_SPOOL_DIR",
            help="where those files are; by default where the system has them",
            path="directory",
            metavar="DIR",
        ),
    ] = None

    def __post_init__(self) -> None:
        TLSOptions.__post_init__(self)
        if self.max_bodies_size is not None and self.max_bodies_size < self.max_body_size:
            raise OptionConflictError(
                f"--max-bodies-size is {self.max_bodies_size} and --max-body-size "
                f"{self.max_body_size}: all bodies together are no less than one. Raise the "
                "first, or lower the second."
            )
