"""Log records on the standard error, for the time of one run."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, TextIO

from typing_extensions import override

from drum_core.request_record import current_record
from drum_core.serving.request_id import current_request_id
from drum_core.telemetry.access_log import ACCESS_LOGGER, FIELDS

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


class _Text(logging.Formatter):
    """Time, level, logger, text; then the request that is being answered, and its trace, if any."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    @override
    def format(self, record: logging.LogRecord) -> str:
        request, trace, _ = _request()
        notes = [f"request {request}"] if request else []
        if trace:
            notes.append(f"trace {trace}")
        text = super().format(record)
        return f"{text} [{', '.join(notes)}]" if notes else text


class _JSON(logging.Formatter):
    """One object a line, whose keys are always in the same order; what is not known is left out."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        request, trace, span = _request()
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        known: dict[str, object] = {
            "timestamp": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request or None,
            "trace_id": trace or None,
            "span_id": span or None,
            "worker_pid": record.process,
            **{name: getattr(record, name, None) for name in FIELDS},
            "exception": self.formatException(record.exc_info) if record.exc_info else None,
            "stack": record.stack_info,
        }
        said = {name: value for name, value in known.items() if value is not None}
        return json.dumps(said, ensure_ascii=False, default=str)


def _request() -> tuple[str, str, str]:
    """Request, trace and span of the context."""
    record = current_record.get()
    if record is None:
        return current_request_id.get(), "", ""
    return record.request_id, record.trace_id, record.span_id


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
def logs_shown(
    word: str, *, verbose: bool = False, form: str = "text", access: bool = False
) -> Iterator[None]:
    """Shows log records of a level and above, and Python's warnings, on the standard error.

    The address a server listens on is shown at the default level too, for nobody could find it
    otherwise; `verbose` shows what the runtime itself says at level info, `access` the access log.
    `form` is `text` or `json`. All is undone at the end, so that a program may call the command
    line.
    """
    root = logging.getLogger()
    handler = _OnStderr()
    handler.setFormatter(_JSON() if form == "json" else _Text())
    level = log_level(word)
    access_level = logging.INFO if access else logging.CRITICAL
    levels = {root: level, logging.getLogger(ACCESS_LOGGER): access_level}
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
