"""The only module that prints: pleasant on a terminal, plain in a pipe."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, TextIO

from drum_core.cli.exit_codes import ExitStatus

if TYPE_CHECKING:
    from rich.console import Console

    from drum_core.results import Report

__all__ = [
    "cannot_print",
    "ensure_streams",
    "finish",
    "has_reader",
    "in_utf8",
    "print_bytes",
    "print_json",
    "print_line",
    "print_note",
    "prints_on_stderr",
    "show_error",
    "show_suggestions",
    "show_text",
    "terminal",
    "write_line",
]

_STDOUT: Final = 1
_STDERR: Final = 2


def show_text(text: str) -> int:
    """Prints a text as it is, as data; returns the exit status."""
    try:
        print(text, flush=True)
    except OSError as error:
        return cannot_print(error)
    return ExitStatus.OK


def show_error(name: str, text: str, error: BaseException | None = None) -> None:
    """Prints one paragraph on the standard error, after the traceback of `error` if given.

    Secrets of the model are masked in both.
    """
    from drum_core.user.masking import masked

    text = masked(text)
    if error is not None:
        import traceback

        print(masked("".join(traceback.format_exception(error))), end="", file=sys.stderr)
    console = terminal(sys.stderr)
    if console is None:
        print(f"{name}: {text}", file=sys.stderr)
        return
    from rich.text import Text

    console.print(Text.assemble((f"{name}: ", "bold red"), text))


def has_reader() -> bool:
    """Whether somebody reads the standard error on a terminal."""
    return sys.stderr.isatty()


def show_suggestions(requests: Sequence[str]) -> None:
    """Shows requests to try on a server that has just started, on the standard error."""
    console = terminal(sys.stderr)
    if console is not None:
        console.print("From another terminal (Ctrl+C ends the server):", style="bold")
        for request in requests:
            console.print(f"  {request}", style="cyan", soft_wrap=True)


def ensure_streams() -> None:
    """Gives the process the standard streams that whoever started it has closed."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - the process owns it
            setattr(sys, name, nowhere)


def finish(status: int) -> int:
    """Writes out what is buffered; returns `status`, or the one for why it cannot be written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return cannot_print(error)
    return status


@contextlib.contextmanager
def prints_on_stderr() -> Iterator[TextIO]:
    """Sends to the standard error what user code prints, from Python, C or a child process.

    Gives the standard output itself, for lines of our own.
    """
    with contextlib.ExitStack() as stack:
        ours = sys.stdout
        if _is_descriptor(sys.stdout, _STDOUT) and _is_descriptor(sys.stderr, _STDERR):
            sys.stdout.flush()
            saved = os.dup(_STDOUT)
            os.dup2(_STDERR, _STDOUT)
            stack.callback(_restore_stdout, saved)
            copy = os.dup(saved)
            ours = stack.enter_context(open(copy, "w", encoding="utf-8", errors="replace"))
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        yield ours


def _restore_stdout(saved: int) -> None:
    import ctypes

    # What C code has printed is still in its own buffer when the output is no terminal.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).fflush(None)
    os.dup2(saved, _STDOUT)
    os.close(saved)


def _is_descriptor(stream: TextIO, number: int) -> bool:
    try:
        return stream.fileno() == number
    except (OSError, ValueError):
        return False


def cannot_print(error: OSError) -> int:
    """Says why the standard output cannot be written; returns the exit status."""
    # Python would complain about what is still buffered once more when it ends.
    if _is_descriptor(sys.stdout, _STDOUT):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, _STDOUT)
        os.close(nowhere)
    if isinstance(error, BrokenPipeError):
        return ExitStatus.READER_GONE
    show_error("drum", f"error: Cannot write to the standard output: {error.strerror}.")
    return ExitStatus.ERROR


def terminal(stream: TextIO) -> Console | None:
    """A rich console for a stream that is a terminal; it honours NO_COLOR and the width."""
    if not stream.isatty():
        return None
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, emoji=False)


def print_note(text: str) -> None:
    """Prints a remark, which is no part of the result, on the standard error."""
    print(text, file=sys.stderr)


def print_line(text: str) -> None:
    """Prints a line on the standard output, at once."""
    print(text, flush=True)


def write_line(stream: TextIO, text: str) -> None:
    """Writes a line at once; that its reader has gone is found out later, not here."""
    with contextlib.suppress(OSError):
        print(text, file=stream, flush=True)


def print_json(report: Report) -> None:
    """Prints a report as JSON on the standard output, alone."""
    with in_utf8(sys.stdout):
        print(json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False), flush=True)


def print_bytes(data: bytes) -> None:
    """Prints data as they are on the standard output."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


@contextlib.contextmanager
def in_utf8(stream: TextIO) -> Iterator[None]:
    """Inside, what is printed on the stream is UTF-8, as a file would be, whatever the locale."""
    if not isinstance(stream, io.TextIOWrapper):
        yield
        return
    before = stream.encoding
    stream.reconfigure(encoding="utf-8")
    try:
        yield
    finally:
        stream.reconfigure(encoding=before)
