"""Ends a process that has done its work, also when a thread of it never will."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from typing import NoReturn

__all__ = ["end_process", "threads_linger"]


def threads_linger() -> bool:
    """Whether Python would wait for a thread at its end, such as one whose deadline is over."""
    return any(
        thread.is_alive() and not thread.daemon and thread is not threading.current_thread()
        for thread in threading.enumerate()
    )


def end_process(status: int) -> NoReturn:
    """Ends the process here, waiting for no thread.

    What is registered with `atexit` runs; logs and the standard streams are written out.
    """
    atexit._run_exitfuncs()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(status)
