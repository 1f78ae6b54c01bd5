"""Memory of the process, the host and the container, in MB (1024 squared bytes)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = [
    "available_memory",
    "container_memory",
    "memory_info",
    "out_of_memory_kills",
    "process_info",
]

_MB: Final = 1024 * 1024
_UNLIMITED: Final = 1 << 60
"""cgroup v1 writes a huge number for "no limit"."""


def memory_info() -> dict[str, float | None]:
    """What `/stats/` calls `mem_info`; the three of the container are null outside of one."""
    import psutil

    host = psutil.virtual_memory()
    limit, most, used = container_memory()
    return {
        "total": _in_mb(host.total),
        "avail": _in_mb(host.available),
        "free": _in_mb(host.free),
        "drum_rss": _in_mb(psutil.Process().memory_info().rss),
        "container_limit": _in_mb(limit),
        "container_max_used": _in_mb(most),
        "container_used": _in_mb(used),
    }


def available_memory() -> int:
    """Bytes that the host can give, but not more than the container may have."""
    import psutil

    available: int = psutil.virtual_memory().available
    limit, _, _ = container_memory()
    return available if limit is None else min(available, limit)


def process_info() -> dict[str, object]:
    """What `/stats/` says of the answering process; its arguments stay private."""
    import psutil

    process = psutil.Process()
    with process.oneshot():
        return {
            "pid": process.pid,
            "cmdline": ["drum", "server"],
            "mem": _in_mb(process.memory_info().rss),
            "cpu_percent": process.cpu_percent(),
        }


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
