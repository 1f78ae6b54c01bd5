"""What DRUM takes and this version does not do yet: recognised, never silently ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drum_core.environment import RUNTIME_PARAMETER_PREFIX, runtime_parameter
from drum_core.errors import OptionError
from drum_core.options.choices import RunMode

__all__ = ["PlannedFlag", "parameters_without_effect", "planned_flags", "refuse_parameters"]

_BOTH: Final = (RunMode.SCORE, RunMode.SERVER)


@dataclass(frozen=True)
class PlannedFlag:
    """A flag of DRUM that the parser takes and the program refuses."""

    name: str
    switch: bool = False
    modes: tuple[RunMode, ...] = _BOTH


_FLAGS: Final = (
    PlannedFlag("--gpu-predictor", modes=(RunMode.SCORE,)),
    PlannedFlag("--sidecar", switch=True, modes=(RunMode.SCORE,)),
    PlannedFlag("--triton-host"),
    PlannedFlag("--triton-http-port"),
    PlannedFlag("--triton-grpc-port"),
)


_PARAMETERS: Final = (
    "DRUM_GUNICORN_FIRST_BYTE_TIMEOUT",
    "NIM_WATCHDOG_REQUEST_TIMEOUT",
    "NIM_WATCHDOG_MAX_ATTEMPTS",
    "USE_NIM_WATCHDOG",
)
"""Runtime parameters that change DRUM's server, and have no effect here."""


_NEVER: Final[Mapping[str, tuple[frozenset[str], str]]] = {
    "DRUM_GUNICORN_WORKER_CLASS": (
        frozenset({"sync"}),
        "sync, or to be left out: workers have threads, which gevent would replace by something "
        "that stands still while a model computes",
    ),
    "DRUM_WORKER_CONNECTIONS": (
        frozenset(),
        "to be left out: it is of gevent's workers, which are not used; --max-concurrency, "
        "--max-waiting and DRUM_WEBSERVER_BACKLOG say how many requests and connections there may "
        "be",
    ),
}
"""Runtime parameters that ask for what will not be built: values that change nothing, and why."""


def refuse_parameters(mode: RunMode, environ: Mapping[str, str]) -> None:
    """Raises `OptionError` for a parameter of a server that asks for what will not be built."""
    if mode is not RunMode.SERVER:
        return
    for name, (harmless, reason) in _NEVER.items():
        value = runtime_parameter(name, environ)
        if value is not None and value.lower() not in harmless:
            raise OptionError(f"runtime parameter {name}", value, reason)


def planned_flags(mode: RunMode) -> tuple[PlannedFlag, ...]:
    """The flags that `mode` has in DRUM and not here."""
    return tuple(flag for flag in _FLAGS if mode in flag.modes)


def parameters_without_effect(mode: RunMode, environ: Mapping[str, str]) -> str:
    """A sentence about those of a server that are set; empty where there is none."""
    names = [RUNTIME_PARAMETER_PREFIX + name for name in _PARAMETERS]
    found = [name for name in names if name in environ]
    if mode is not RunMode.SERVER or not found:
        return ""
    return f"Of no effect, because what they set is not built yet: {', '.join(found)}."
