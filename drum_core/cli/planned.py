"""DRUM's flags for what this version does not do yet: recognised, never ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drum_core.options.choices import RunMode

__all__ = ["PLANNED_MODES", "PlannedFlag", "planned_flags"]

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
    """A flag of DRUM that the parser takes and the program refuses."""

    name: str
    switch: bool = False
    modes: tuple[RunMode, ...] = _BOTH


_FLAGS: Final = (
    PlannedFlag("--docker"),
    PlannedFlag("--skip-deps-install", switch=True),
    PlannedFlag("--memory"),
    PlannedFlag("--gpu-predictor"),
    PlannedFlag("--sidecar", switch=True),
    PlannedFlag("--triton-host"),
    PlannedFlag("--triton-http-port"),
    PlannedFlag("--triton-grpc-port"),
)


def planned_flags(mode: RunMode) -> tuple[PlannedFlag, ...]:
    """The flags that `mode` has in DRUM and not here."""
    return tuple(flag for flag in _FLAGS if mode in flag.modes)
