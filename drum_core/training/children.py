"""Ends the processes that training code has started when the run is interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from psutil import Process

__all__ = ["children_end_when_interrupted"]

_SECONDS: Final = 3.0


@contextmanager
def children_end_when_interrupted() -> Iterator[None]:
    """On `KeyboardInterrupt`, ends what this process has started inside, such as worker pools.

    They are asked first, and killed after 3 seconds. Nothing is ended after any other error: a
    pool may serve the next run.
    """
    before = set(_children())
    try:
        yield
    except KeyboardInterrupt:
        _end([child for child in _children() if child not in before])
        raise


def _children() -> list[Process]:
    import psutil

    return psutil.Process().children(recursive=True)


def _end(processes: list[Process]) -> None:
    import psutil

    for process in processes:
        with suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=_SECONDS)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
