"""Log records on the standard error, for the time of one run."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from typing_extensions import override

from drum_core.serving.request_id import current_request_id

__all__ = ["log_level", "logs_shown"]

_LEVELS: Final = {
    "all": logging.NOTSET,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "fatal": logging.CRITICAL,
}
_OWN_LOGGERS: Final = ("drum", "drum_core", "drum_web")


class _Format(logging.Formatter):
    """Time, level, logger, text; then the id of the request that is being answered, if any."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        request_id = current_request_id.get()
        return f"{text} [request {request_id}]" if request_id else text


class _OnStderr(logging.StreamHandler[TextIO]):
    """Writes to what the standard error is at the time, which may stand above a progress bar."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)  # that of StreamHandler would set the stream

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # logging does so for its last resort
        return sys.stderr


def log_level(word: str) -> int:
    """The level of the standard library that a `--logging-level` means."""
    return _LEVELS[word]


@contextmanager
def logs_shown(word: str, *, verbose: bool = False) -> Iterator[None]:
    """Shows log records of a level and above, and Python's warnings, on the standard error.

    The address a server listens on is shown at the default level too, for nobody could find it
    otherwise; `verbose` shows what the runtime itself says at level info. All is undone at the
    end, so that a program may call the command line.
    """
    root = logging.getLogger()
    handler = _OnStderr()
    handler.setFormatter(_Format("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    level = log_level(word)
    levels = {root: level}
    if level <= logging.WARNING:
        levels[logging.getLogger("drum.server")] = min(level or logging.DEBUG, logging.INFO)
    if verbose and level > logging.INFO:
        levels |= dict.fromkeys(map(logging.getLogger, _OWN_LOGGERS), logging.INFO)
    before = {logger: logger.level for logger in levels}
    showwarning = warnings.showwarning
    root.addHandler(handler)
    for logger, wanted in levels.items():
        logger.setLevel(wanted)
    warnings.showwarning = _log_warning
    try:
        yield
    finally:
        warnings.showwarning = showwarning
        root.removeHandler(handler)
        for logger, old in before.items():
            logger.setLevel(old)


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    text = f"{category.__name__}: {message} ({filename}:{lineno})"
    if file is not None and file is not sys.stderr:
        file.write(text + "\n")
    else:
        logging.getLogger("py.warnings").warning("%s", text)
