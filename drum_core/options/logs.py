"""The options that say what is logged, and in which form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from drum_core.options.base import OptionsBase
from drum_core.options.flag import Flag

__all__ = ["LOG_FORMATS", "LogOptions"]

LOG_FORMATS: Final = ("text", "json")


@dataclass(frozen=True, kw_only=True)
class LogOptions(OptionsBase):
    """The log of a server."""

    log_format: Annotated[
        str,
        Flag(
            names=("--log-format",),
            env="DRUM_LOG_FORMAT",
            parameter="DRUM_LOG_FORMAT",
            help="lines for people, or one JSON object a line",
            choices=LOG_FORMATS,
        ),
    ] = "text"
    access_log: Annotated[
        bool,
        Flag(
            names=("--access-log",),
            env="DRUM_ACCESS_LOG",
            parameter="DRUM_ACCESS_LOG",
            help="log each request, probes aside",
        ),
    ] = False
