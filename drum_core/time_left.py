"""How long the work that is done now may go on: for whoever can end it from outside."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

__all__ = ["time_left"]


def _for_ever() -> float:
    return math.inf


time_left: Final[ContextVar[Callable[[], float]]] = ContextVar("drum_time_left", default=_for_ever)
"""Gives the seconds, from any thread; 0 or less when its time is over."""
