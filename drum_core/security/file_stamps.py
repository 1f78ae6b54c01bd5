"""Whether a file has changed: by all that a file system tells without reading it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

__all__ = ["Stamp", "stamp_of"]

Stamp: TypeAlias = "tuple[int, int, int, int] | None"
"""Times of change, size and place; `None` where there is no file."""


def stamp_of(file: Path) -> Stamp:
    """The stamp of what is at the path now, at the end of all links."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
