"""Memory of the process, the host and the container, in MB (1024 squared bytes)."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

__all__ = [
    "available_memory",
    "container_memory",
    "memory_info",
    "out_of_memory_kills",
    "process_info",
    "resident_memory",
]

_MB: Final = 1024 * 1024
_UNLIMITED: Final = 1 << 60
"""cgroup v1 writes a huge number for "no limit"."""


def memory_info(pids: Sequence[int] = ()) -> dict[str, float | None]:
    """What `/stats/` calls `mem_info`; the three of the container are null outside of one.

    `drum_rss` is the sum over `pids`, or that of this process.
    """
    import psutil

    host = psutil.virtual_memory()
    limit, most, used = container_memory()
    return {
        "total": _in_mb(host.total),
        "avail": _in_mb(host.available),
        "free": _in_mb(host.free),
        "drum_rss": _in_mb(sum(map(resident_memory, pids or [os.getpid()]))),
        "container_limit": _in_mb(limit),
        "container_max_used": _in_mb(most),
        "container_used": _in_mb(used),
    }


def resident_memory(pid: int) -> int:
    """Bytes of a process that are in memory; 0 of one that has ended."""
    import psutil

    try:
        size: int = psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0
    return size


def available_memory() -> int:
    """Bytes that the host can give, but not more than the container may have."""
    import psutil

    available: int = psutil.virtual_memory().available
    limit, _, _ = container_memory()
    return available if limit is None else min(available, limit)


def process_info(pid: int) -> dict[str, object]:
    """What `/stats/` says of a worker; its arguments stay private.

    `cpu_percent` is of one processor, since the process began, so that asking changes nothing.
    """
    import psutil

    found: dict[str, object] = {"pid": pid, "cmdline": ["drum", "server"]}
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            seconds = max(time.time() - process.create_time(), 0.001)
            found["mem"] = _in_mb(process.memory_info().rss)
            found["cpu_percent"] = round(100 * (times.user + times.system) / seconds, 1)
    except psutil.Error:  # it has ended meanwhile
        found.update(mem=0.0, cpu_percent=0.0)
    return found


def container_memory(root: Path = Path("/sys/fs/cgroup")) -> tuple[int | None, ...]:
    """Limit, peak and use in bytes, of the innermost control group (v2, else v1) with a limit.

    All `None` where no group has one.
    """
    for folder in _groups(root):
        limit = _number(folder / "memory.max")
        if limit is not None:
            used = _number(folder / "memory.current")
            return limit, _number(folder / "memory.peak"), used
    folder = root / "memory"
    limit = _number(folder / "memory.limit_in_bytes")
    if limit is None or limit >= _UNLIMITED:
        return None, None, None
    most = _number(folder / "memory.max_usage_in_bytes")
    return limit, most, _number(folder / "memory.usage_in_bytes")


def out_of_memory_kills(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """How many processes of the control group (v2) were killed for want of memory; `None` without.

    It counts from the making of the group, so two readings have to be compared.
    """
    for folder in _groups(root):
        try:
            lines = (folder / "memory.events").read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        counts = dict(line.split() for line in lines)
        return int(counts.get("oom_kill", 0))
    return None


def _groups(root: Path) -> list[Path]:
    """The folders of the process's own control group (v2) and of those around it."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    for line in lines:
        if line.startswith("0::"):
            inner = root / line[3:].lstrip("/")
            return [inner, *(parent for parent in inner.parents if parent.is_relative_to(root))]
    return []


def _number(path: Path) -> int | None:
    """The number in a file; `None` for "max" and where there is no such file."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _in_mb(size: int | None) -> float | None:
    return None if size is None else size / _MB
