"""The options that say which processes serve, how long each lives, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from drum_core.errors import OptionConflictError
from drum_core.options.address import parse_address
from drum_core.options.base import OptionsBase
from drum_core.options.flag import Flag

__all__ = ["ProcessOptions"]


@dataclass(frozen=True, kw_only=True)
class ProcessOptions(OptionsBase):
    """The processes of a server. Times are in seconds."""

    max_workers: Annotated[
        int | Literal["auto"],
        Flag(
            names=("--max-workers",),
            env="MAX_WORKERS",
            parameter="CUSTOM_MODEL_WORKERS",
            parameter_wins=True,
            help="processes, each with a model of its own; auto: as many as there are processors, "
            "by the container's quota",
            minimum=1,
            maximum=199,
        ),
    ] = 1
    max_requests: Annotated[
        int,
        Flag(
            names=("--max-requests",),
            parameter="DRUM_GUNICORN_MAX_REQUESTS",
            help="requests, probes aside, after which a worker is replaced by a new one; 0: never",
            minimum=0,
            maximum=1_000_000,
        ),
    ] = 0
    max_requests_jitter: Annotated[
        int,
        Flag(
            names=("--max-requests-jitter",),
            parameter="DRUM_GUNICORN_MAX_REQUESTS_JITTER",
            help="up to so many requests more, by chance, so that workers are not replaced at once",
            minimum=0,
            maximum=1_000_000,
        ),
    ] = 0
    graceful_timeout: Annotated[
        int,
        Flag(
            names=("--graceful-timeout",),
            parameter="DRUM_GUNICORN_GRACEFUL_TIMEOUT",
            help="seconds that running requests have after SIGTERM",
            minimum=1,
            maximum=3600,
        ),
    ] = 30
    drain_delay: Annotated[
        int,
        Flag(
            names=("--drain-delay",),
            env="DRUM_DRAIN_DELAY",
            help="seconds after SIGTERM in which new requests are still served while /readyz says "
            "503, so that a load balancer learns of it",
            minimum=0,
            maximum=600,
        ),
    ] = 0
    isolate: Annotated[
        Literal["process"] | None,
        Flag(
            names=("--isolate",),
            env="DRUM_ISOLATE",
            help="process: each worker runs its model in a process of its own, which is killed and "
            "started anew when a prediction outlives its deadline, and may crash alone",
        ),
    ] = None
    probe_address: Annotated[
        str | None,
        Flag(
            names=("--probe-address",),
            env="DRUM_PROBE_ADDRESS",
            help="where a process of its own answers the probes, also while the model lets nothing "
            "else run in any worker; port 0 picks one",
            metavar="HOST:PORT",
        ),
    ] = None
    hang_timeout: Annotated[
        int,
        Flag(
            names=("--hang-timeout",),
            env="DRUM_HANG_TIMEOUT",
            help="seconds without a turn for Python, after which a worker writes the stacks of its "
            "threads to standard error, and --probe-address holds it for dead; 0: never",
            minimum=0,
            maximum=86400,
        ),
    ] = 60

    def probes_at(self) -> tuple[str, int] | None:
        """Host and port of the process that answers probes."""
        if self.probe_address is None:
            return None
        label = self.sources.get("probe_address", "probe_address")
        return parse_address(self.probe_address, label, default_port=None)

    def workers(self) -> int:
        """How many processes serve."""
        if self.max_workers == "auto":
            from drum_core.cpu_quota import available_processors

            return available_processors()
        return self.max_workers

    def check_processes(self) -> None:
        """Raises `OptionConflictError` for a jitter of nothing, `OptionError` for an address."""
        self.probes_at()
        if self.max_requests_jitter and not self.max_requests:
            source = self.sources.get("max_requests_jitter", "--max-requests-jitter")
            raise OptionConflictError(
                f"{source} is {self.max_requests_jitter}, but --max-requests is 0, so that no "
                "worker is ever replaced: give --max-requests too, or leave the jitter out."
            )
