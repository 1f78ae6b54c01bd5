"""Reports: results that can be printed as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

__all__ = ["JSON", "Report"]

JSON: TypeAlias = "str | int | float | bool | Sequence[JSON] | Mapping[str, JSON] | None"
"""A value that JSON can carry. NaN and infinities are not among them: `None` says there is none."""

Report: TypeAlias = Mapping[str, JSON]
"""A result as JSON, with keys that stay as they are from one version to the next."""
