"""DRUM's flags and variables for what this version does not do yet: recognised, never ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drum_core.environment import parse_bool
from drum_core.options.choices import RunMode

__all__ = ["PLANNED_MODES", "PlannedFlag", "planned_flags", "planned_variables"]

PLANNED_MODES: Final[Mapping[RunMode, str]] = {
    RunMode.FIT: "train a model",
    RunMode.PERF_TEST: "measure a model under load",
    RunMode.VALIDATION: "check a model before it is deployed",
    RunMode.PUSH: "deploy a model",
}
"""The sub-commands that only say that they are not built yet, with what they will do."""

_BOTH: Final = (RunMode.SCORE, RunMode.SERVER)


@dataclass(frozen=True)
class PlannedFlag:
    """A flag of DRUM that the parser takes and the program refuses.

    `env` is a variable that acts as the flag and changes what a run gives.
    """

    name: str
    switch: bool = False
    modes: tuple[RunMode, ...] = _BOTH
    env: str | None = None


_FLAGS: Final = (
    PlannedFlag("--docker"),
    PlannedFlag("--skip-deps-install", switch=True),
    PlannedFlag("--memory"),
    PlannedFlag("--monitor", switch=True, env="MONITOR"),
    PlannedFlag("--monitor-embedded", switch=True, env="MLOPS_REPORTING_FROM_UNSTRUCTURED_MODELS"),
    PlannedFlag("--deployment-id"),
    PlannedFlag("--model-id"),
    PlannedFlag("--monitor-settings"),
    PlannedFlag(
        "--allow-dr-api-access", switch=True, env="ALLOW_DR_API_ACCESS_FOR_ALL_CUSTOM_MODELS"
    ),
    PlannedFlag("--webserver"),
    PlannedFlag("--api-token"),
    PlannedFlag("--gpu-predictor"),
    PlannedFlag("--sidecar", switch=True),
    PlannedFlag("--triton-host"),
    PlannedFlag("--triton-http-port"),
    PlannedFlag("--triton-grpc-port"),
    PlannedFlag("--lazy-loading-file", env="LAZY_LOADING_FILE"),
    PlannedFlag("--deployment-config", modes=(RunMode.SERVER,), env="DEPLOYMENT_CONFIG"),
)


def planned_flags(mode: RunMode) -> tuple[PlannedFlag, ...]:
    """The flags that `mode` has in DRUM and not here."""
    return tuple(flag for flag in _FLAGS if mode in flag.modes)


def planned_variables(mode: RunMode, environ: Mapping[str, str]) -> list[str]:
    """The variables that are set, would change what `mode` gives, and have no effect yet.

    Raises `OptionError` for a variable that must hold a truth value and does not.
    """
    found = []
    for flag in planned_flags(mode):
        text = environ.get(flag.env, "") if flag.env else ""
        if flag.env and text and not (flag.switch and not parse_bool(flag.env, text)):
            found.append(flag.env)
    if mode in _BOTH and "MLOPS_LAZY_LOADING_DATA" in environ:
        found.append("MLOPS_LAZY_LOADING_DATA")
    return found
