"""How many processors this process may use: what its container allows, not what the host has."""

from __future__ import annotations

import math
import os
from pathlib import Path

__all__ = ["available_processors"]


def available_processors(root: Path = Path("/sys/fs/cgroup")) -> int:
    """The processors that the process may run on, or its CPU quota where that is less; at least 1.

    The quota is that of the innermost control group that has one (`cpu.max` of version 2,
    `cpu.cfs_quota_us` of version 1), rounded up.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quotas = [quota for quota in (_quota_v2(root), _quota_v1(root)) if quota is not None]
    return max(1, min([affinity or 1, *map(math.ceil, quotas)]))


def _quota_v2(root: Path) -> float | None:
    for line in _lines(Path("/proc/self/cgroup")):
        if line.startswith("0::"):
            inner = root / line[3:].lstrip("/")
            folders = [inner, *(parent for parent in inner.parents if parent.is_relative_to(root))]
            found = [quota for folder in folders if (quota := _cpu_max(folder)) is not None]
            return min(found, default=None)
    return _cpu_max(root)


def _cpu_max(folder: Path) -> float | None:
    words = " ".join(_lines(folder / "cpu.max")).split()
    if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]):
        return int(words[0]) / int(words[1])
    return None


def _quota_v1(root: Path) -> float | None:
    quota = "".join(_lines(root / "cpu" / "cpu.cfs_quota_us"))
    period = "".join(_lines(root / "cpu" / "cpu.cfs_period_us"))
    if quota.isdigit() and period.isdigit() and int(period):  # -1 says that there is none
        return int(quota) / int(period)
    return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split("\n")
    except OSError:
        return []
