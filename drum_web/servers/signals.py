"""The signals that a server handles: SIGTERM and SIGINT, which both ask it to end, and others."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

__all__ = ["STOP_SIGNALS", "handled"]

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def handled(
    handler: Callable[[int, FrameType | None], object],
    signals: Iterable[signal.Signals] = STOP_SIGNALS,
) -> Iterator[None]:
    """Calls `handler` in the main thread for each of the signals, until the block ends.

    Outside of the main thread, where Python takes no handlers, it does nothing: whoever runs the
    main thread owns the signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in signals}
    # A supervisor starts its workers with SIGINT blocked; it comes now.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
