"""The end of a process: what may bring it about, and how it is done when a thread never ends."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from typing import NoReturn

__all__ = ["end_process", "is_interrupt", "threads_linger"]


def is_interrupt(error: BaseException) -> bool:
    """Whether it is for more than the code that raised it: Ctrl-C, or a generator being closed.

    User code may raise anything else that is no `Exception`, and only its own work has failed:
    `SystemExit`, `asyncio.CancelledError`, the panics of extensions written in Rust.
    """
    if isinstance(error, KeyboardInterrupt):
        return threading.current_thread() is threading.main_thread()
    return isinstance(error, GeneratorExit)


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
