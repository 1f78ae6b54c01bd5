"""Small Python processes of ours: started with few things in common, and never left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

__all__ = ["end_with", "start_python"]

_PR_SET_PDEATHSIG: Final = 1


def start_python(
    function: str, words: Sequence[str | int], descriptors: Sequence[int]
) -> subprocess.Popen[bytes]:
    """Calls `module:name` with the words as texts in a new process that has the descriptors.

    It finds modules where this process does, and imports nothing of its main program. Its standard
    input is empty. Unlike `multiprocessing` it needs no helper process, and nobody waits for it at
    the end of this one.
    """
    module, _, name = function.partition(":")
    code = (
        "import sys; sys.path[:] = sys.stdin.read().split('\\n'); "
        f"from {module} import {name}; {name}(sys.argv[1:])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        stdin=subprocess.PIPE,
        pass_fds=descriptors,
    )
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write("\n".join(sys.path).encode(errors="surrogateescape"))
    return process


def end_with(parent: int, number: signal.Signals = signal.SIGTERM) -> None:
    """Lets this process get a signal when `parent`, the process that started it, ends.

    Strictly it is the thread of it that did. Only Linux can do that; elsewhere nothing happens.
    See prctl(2), PR_SET_PDEATHSIG. It is not done by `preexec_fn` in the parent, which is not safe
    where there are threads.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it has ended already
            sys.exit(1)
