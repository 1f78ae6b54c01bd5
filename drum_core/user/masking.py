"""Keeps secrets out of what a process prints and logs: each value becomes `*****`."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Final, TextIO, cast

from drum_core.user.secrets import MASK

__all__ = ["TELLING", "mask_output", "masked"]

TELLING: Final = 6
"""Shorter texts, such as a region in a credential, are all over any output, and tell nothing."""

_LOCK: Final = threading.RLock()


class _Masks:
    """The values that are secret now, of all models of the process."""

    def __init__(self) -> None:
        self._active: list[frozenset[str]] = []
        self._ever: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self._pattern_ever: re.Pattern[str] | None = None

    def add(self, values: frozenset[str]) -> None:
        self._active.append(values)
        self._ever |= values
        self._pattern_ever = _pattern(self._ever)
        self._pattern = _pattern(frozenset().union(*self._active))

    def remove(self, values: frozenset[str]) -> None:
        self._active.remove(values)
        self._pattern = _pattern(frozenset().union(*self._active))

    def applied(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text

    def applied_for_ever(self, text: str) -> str:
        return self._pattern_ever.sub(MASK, text) if self._pattern_ever else text

    def __bool__(self) -> bool:
        return bool(self._active)


def _pattern(values: frozenset[str]) -> re.Pattern[str] | None:
    # The longest first, so that no part of a long one is left of a short one within it.
    ordered = sorted(values, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, ordered))) if ordered else None


_MASKS: Final = _Masks()


def masked(text: str) -> str:
    """`text` without any value that is, or was, to be masked in this process.

    For what is shown of an error, which may be after its model has gone.
    """
    return _MASKS.applied_for_ever(text)


class _MaskedStream:
    """A text stream that masks what is written, and is the stream itself in all else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(_MASKS.applied(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


class _Output:
    """The streams and the log records of the process, masked or as they were."""

    def __init__(self) -> None:
        self._streams: dict[str, tuple[_MaskedStream, TextIO]] = {}
        self._factory: Callable[..., logging.LogRecord] | None = None
        self._ours: Callable[..., logging.LogRecord] | None = None

    def mask(self) -> None:
        for name in ("stdout", "stderr"):
            stream: TextIO | None = getattr(sys, name)
            if stream is not None:
                proxy = _MaskedStream(stream)
                self._streams[name] = proxy, stream
                setattr(sys, name, cast("TextIO", proxy))
        before = self._factory = logging.getLogRecordFactory()

        def masked_record(*args: object, **kwargs: object) -> logging.LogRecord:
            return _without_secrets(before(*args, **kwargs))

        self._ours = masked_record
        logging.setLogRecordFactory(masked_record)

    def unmask(self) -> None:
        """Puts back what nobody else has replaced meanwhile; the rest passes everything on."""
        for name, (proxy, stream) in self._streams.items():
            if getattr(sys, name) is cast("TextIO", proxy):
                setattr(sys, name, stream)
        self._streams.clear()
        if self._factory is not None and logging.getLogRecordFactory() is self._ours:
            logging.setLogRecordFactory(self._factory)


_OUTPUT: Final = _Output()


def mask_output(values: Iterable[str]) -> Callable[[], None]:
    """Masks `values`, from now on, in whatever the process prints or logs.

    Returns what ends it, and is safe to repeat. What C code or a child process prints is not
    seen. Nothing happens for no values.
    """
    secret = frozenset(value for value in values if value.strip())
    ended = not secret
    if secret:
        with _LOCK:
            if not _MASKS:
                _OUTPUT.mask()
            _MASKS.add(secret)

    def end() -> None:
        nonlocal ended
        with _LOCK:
            if ended:
                return
            ended = True
            _MASKS.remove(secret)
            if not _MASKS:
                _OUTPUT.unmask()

    return end


_FORMATTER: Final = logging.Formatter()


def _without_secrets(record: logging.LogRecord) -> logging.LogRecord:
    """The record with its text and traceback made, and masked."""
    try:
        text = record.getMessage()
    except Exception:  # wrong arguments: logging tells of them when it formats the record
        return record
    if (shown := _MASKS.applied(text)) != text:
        record.msg, record.args = shown, ()
    if record.exc_info and record.exc_info[0] is not None:
        trace = _FORMATTER.formatException(record.exc_info)
        if (shown := _MASKS.applied(trace)) != trace:
            record.exc_text = shown  # which formatters take instead of making it themselves
    if record.stack_info:
        record.stack_info = _MASKS.applied(record.stack_info)
    return record
