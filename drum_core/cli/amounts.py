"""Amounts as a person reads them: a number of something, bytes, seconds."""

from __future__ import annotations

__all__ = ["BYTES", "amount", "duration", "rate"]

BYTES = "bytes"
"""The unit whose amounts are shown in kB, MB, …: powers of 1000, as disks and networks count."""

_PREFIXES = ("", "k", "M", "G", "T", "P")


def amount(count: float, unit: str) -> str:
    """A number of units, such as `1,000 rows` or `45.6 MB`."""
    return _in_bytes(count) if unit == BYTES else f"{count:,.0f} {unit}"


def rate(per_second: float, unit: str) -> str:
    """How many units a second, such as `312/s` or `1.2 MB/s`."""
    if unit == BYTES:
        return f"{_in_bytes(per_second)}/s"
    return f"{per_second:,.0f}/s" if per_second >= 10 else f"{per_second:.2g}/s"


def duration(seconds: float) -> str:
    """A time with the precision it deserves, such as `0.42 s`, `12.3 s` or `2 min 5 s`."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _in_bytes(count: float) -> str:
    power = 0
    while count >= 999.95 and power < len(_PREFIXES) - 1:
        count, power = count / 1000, power + 1
    return f"{count:.1f} {_PREFIXES[power]}B" if power else f"{count:.0f} B"
