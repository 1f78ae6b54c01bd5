"""The options of the modes whose result is a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from drum_core.options.base import OptionsBase
from drum_core.options.flag import Flag

__all__ = ["ReportOptions"]


@dataclass(frozen=True, kw_only=True)
class ReportOptions(OptionsBase):
    """How a report is printed."""

    json: Annotated[
        bool,
        Flag(names=("--json",), help="print the report as JSON on the standard output"),
    ] = False
