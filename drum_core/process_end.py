"""The end of a process: what may bring it about, and how it is done when a thread never ends."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
import time
from typing import Final, NoReturn

__all__ = ["end_process", "ended_by", "is_interrupt", "signal_name", "threads_linger"]

_POOL_SECONDS: Final = 2.0


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

    Pools of processes are ended, as Python does it; what is registered with `atexit` runs; logs
    and the standard streams are written out.
    """
    if not _end_pools():
        import multiprocessing

        for child in multiprocessing.active_children():
            child.terminate()  # `multiprocessing` would wait for it at exit
    atexit._run_exitfuncs()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(status)


def signal_name(number: int) -> str:
    """`SIGKILL`; one without a name, such as a real-time signal, by its number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def ended_by(code: int | None) -> str:
    """How a process ended, in words: with a status, or by minus a signal."""
    if code is not None and code < 0:
        return f"was ended by {signal_name(-code)}"
    return f"ended with status {code}"


def _end_pools() -> bool:
    """Does what Python does before it waits for threads; whether that came to its end.

    `concurrent.futures` and joblib tell the threads of their pools then that all is over. They
    wait for them as well, so it is done beside this thread.
    """
    threads = [
        threading.Thread(target=callback, daemon=True)
        for callback in reversed(getattr(threading, "_threading_atexits", ()))
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + _POOL_SECONDS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)
