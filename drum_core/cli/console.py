"""The only module that prints: pleasant on a terminal, plain in a pipe."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, TextIO

from typing_extensions import assert_never

from drum_core.cli.exit_codes import ExitStatus

if TYPE_CHECKING:
    from rich.console import Console

    from drum_core.model.exchange import UnstructuredAnswer
    from drum_core.results import NewModelResult, RunResult, ScoreResult

__all__ = [
    "ensure_streams",
    "finish",
    "has_reader",
    "prints_on_stderr",
    "show_error",
    "show_result",
    "show_suggestions",
    "show_text",
    "show_times",
]

_STDOUT: Final = 1
_STDERR: Final = 2


def show_text(text: str) -> int:
    """Prints a text as it is, as data; returns the exit status."""
    try:
        print(text, flush=True)
    except OSError as error:
        return _cannot_print(error)
    return ExitStatus.OK


def show_result(result: RunResult) -> int:
    """Prints what a run gave: data on the standard output, remarks on the standard error.

    Returns the exit status.
    """
    from drum_core.results import NewModelResult, ScoreResult, ServerResult

    try:
        match result:
            case ScoreResult():
                _show_score(result)
            case NewModelResult():
                _show_new_model(result)
            case ServerResult():
                return result.exit_status
            case _:
                assert_never(result)
    except OSError as error:
        return _cannot_print(error)
    return ExitStatus.OK


def show_times(result: ScoreResult, full: float) -> None:
    """Prints DRUM's performance reports; `full` is in seconds, from the start of the run."""
    reports = {
        "Full time": full,
        "Init time (incl model loading)": result.load_seconds,
        "Run time (incl reading CSV)": result.score_seconds,
    }
    for name, seconds in reports.items():
        print(name, file=sys.stderr)
        print(f"\tsec: min: {seconds:.2f}; avg: {seconds:.2f}; max: {seconds:.2f}", file=sys.stderr)


def show_error(name: str, text: str, error: BaseException | None = None) -> None:
    """Prints one paragraph on the standard error, after the traceback of `error` if given.

    Secrets of the model are masked in both.
    """
    from drum_core.user.masking import masked

    text = masked(text)
    if error is not None:
        import traceback

        print(masked("".join(traceback.format_exception(error))), end="", file=sys.stderr)
    console = _terminal(sys.stderr)
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
    console = _terminal(sys.stderr)
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
        return _cannot_print(error)
    return status


@contextlib.contextmanager
def prints_on_stderr() -> Iterator[None]:
    """Sends to the standard error what user code prints, from Python, C or a child process."""
    with contextlib.ExitStack() as stack:
        if _is_descriptor(sys.stdout, _STDOUT) and _is_descriptor(sys.stderr, _STDERR):
            sys.stdout.flush()
            saved = os.dup(_STDOUT)
            os.dup2(_STDERR, _STDOUT)
            stack.callback(_restore_stdout, saved)
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        yield


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


def _cannot_print(error: OSError) -> int:
    # Python would complain about what is still buffered once more when it ends.
    if _is_descriptor(sys.stdout, _STDOUT):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, _STDOUT)
        os.close(nowhere)
    if isinstance(error, BrokenPipeError):
        return ExitStatus.READER_GONE
    show_error("drum", f"error: Cannot write to the standard output: {error.strerror}.")
    return ExitStatus.ERROR


def _terminal(stream: TextIO) -> Console | None:
    """A rich console for a stream that is a terminal; it honours NO_COLOR and the width."""
    if not stream.isatty():
        return None
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, emoji=False)


def _show_score(result: ScoreResult) -> None:
    took = f"{result.load_seconds + result.score_seconds:.2f} s"
    if result.output is not None:
        what = "the answer" if result.unstructured is not None else _rows(result.rows)
        print(f"Wrote {what} to {result.output} in {took}.", file=sys.stderr)
        return
    if result.unstructured is not None:
        _write_answer(result.unstructured)
        return
    console = _terminal(sys.stdout)
    if console is None:
        _write_csv(result)
        return
    from drum_core.cli.tables import predictions_table

    console.print(predictions_table(result.predictions, console.width))
    console.print(f"{_rows(result.rows)} in {took}. With --output FILE they are written to a file.")


def _show_new_model(result: NewModelResult) -> None:
    console = _terminal(sys.stdout)
    if console is None:
        print(result.code_dir)
        for file in result.files:
            print(f"  {file.relative_to(result.code_dir)}")
        print("Next:")
        for command in result.next_commands:
            print(f"  {command}")
        return
    from drum_core.cli.tables import folder_tree

    console.print(folder_tree(result.code_dir, result.files))
    console.print("\nNext:", style="bold")
    for command in result.next_commands:
        # Never broken into lines: a command is there to be copied.
        console.print(f"  {command}", style="cyan", soft_wrap=True)


def _write_answer(answer: UnstructuredAnswer) -> None:
    """A text with a line end, whatever its charset; bytes as they are."""
    if answer.charset is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(answer.data)
        sys.stdout.buffer.flush()
        return
    with _in_utf8(sys.stdout):
        text = answer.data.decode(answer.charset, "replace")
        print(text.removesuffix("\n"), flush=True)


def _rows(number: int) -> str:
    return f"{number:,} row" + ("" if number == 1 else "s")


def _write_csv(result: ScoreResult) -> None:
    from drum_core.data.output import to_csv

    # As the file would be, whatever the locale.
    with _in_utf8(sys.stdout):
        to_csv(result.predictions, sys.stdout)


@contextlib.contextmanager
def _in_utf8(stream: TextIO) -> Iterator[None]:
    if not isinstance(stream, io.TextIOWrapper):
        yield
        return
    before = stream.encoding
    stream.reconfigure(encoding="utf-8")
    try:
        yield
    finally:
        stream.reconfigure(encoding=before)
