"""New folders: made whole, or not at all."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from drum_core.errors import OutputError

__all__ = ["as_typed", "made_whole"]


def as_typed(folder: Path) -> Path:
    """The folder as one types it here: relative where it is below the current directory."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


@contextlib.contextmanager
def made_whole(folder: Path) -> Iterator[Path]:
    """A directory beside `folder` to fill, which becomes `folder` at the end, or vanishes.

    Missing parents are made, and vanish again as well when something fails.
    """
    parents = [parent for parent in folder.parents if not parent.exists()]
    unfinished = folder.parent / f".{folder.name}.{secrets.token_hex(4)}"
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        unfinished.rename(folder)
    except BaseException as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        for parent in parents:
            with contextlib.suppress(OSError):
                parent.rmdir()
        if isinstance(error, OSError):
            raise OutputError(folder, error.strerror or str(error)) from error
        raise
