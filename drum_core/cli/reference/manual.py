"""The reference as a page of the manual, in the macros of man(7)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drum_core.cli.exit_codes import ExitStatus
from drum_core.cli.reference.pages import CommandPage, Entry, Reference, commands_text
from drum_core.version import __version__

__all__ = ["manual"]

_EXIT = {
    ExitStatus.OK: "done; a server that was told to end",
    ExitStatus.ERROR: "an error, which the standard error explains; a check has failed",
    ExitStatus.USAGE: "an option that is missing, unknown, or has a value it cannot have",
    ExitStatus.SCHEMA: "data do not fit the typeSchema of the metadata",
    ExitStatus.INTERRUPTED: "interrupted",
    ExitStatus.READER_GONE: "whoever read the standard output has stopped reading",
}
_EXAMPLES = (
    ("A model to look at:", "drum new model --template sklearn-binary --code-dir cancer"),
    ("Its predictions on a file:", "drum score --code-dir cancer --input cancer/input.csv"),
    ("The same model as a service:", "drum server --code-dir cancer --address 127.0.0.1:8080"),
)


def manual(found: Reference) -> str:
    """The whole page."""
    lines = [
        '.\\" Made by: python -m drum_core.cli.reference manual > docs/drum.1',
        f'.TH DRUM 1 "" "drum {__version__}" "User Commands"',
        *_section("Name", "drum \\- score, serve, train, check and upload a model folder"),
        ".SH Synopsis",
    ]
    for number, page in enumerate(found.commands):
        lines += [*([".PP"] if number else []), f".B {_plain(page.usage)}"]
    lines += _section(
        "Description",
        _plain(
            "drum turns a model folder (an artifact such as a scikit-learn pickle, optional hooks "
            "in custom.py, and model-metadata.yaml) into predictions, an HTTP service, a trained "
            "model, or one that is checked and measured."
        ),
        ".PP",
        _plain(
            "The value of an option is the flag's, else the environment variable's, else the "
            "runtime parameter's, else what model-metadata.yaml says, else the default. Flags may "
            "be shortened as long as they stay unique."
        ),
    )
    lines.append(".SH Commands")
    for page in found.commands:
        lines += _command(page)
    lines.append(".SH Options of several commands")
    for title, entries in found.shared.items():
        lines.append(f".SS {_plain(title.capitalize())}")
        for entry, names in entries:
            lines += _entry(entry, commands_text(names, found))
    lines.append(".SH Exit status")
    for status, meaning in _EXIT.items():
        lines += [".TP", f".B {status.value}", _plain(meaning)]
    lines.append(".SH Examples")
    for number, (meaning, words) in enumerate(_EXAMPLES):
        lines += [*([".PP"] if number else []), _plain(meaning)]
        lines += [".PP", ".RS", ".nf", _plain(words), ".fi", ".RE"]
    return "\n".join(lines) + "\n"


def _section(title: str, *lines: str) -> Iterator[str]:
    yield f".SH {title}"
    yield from lines


def _command(page: CommandPage) -> Iterator[str]:
    if page.name != "drum":
        yield f".SS {_plain(page.name)}"
        yield _plain(page.purpose)
    for title, entries in page.own.items():
        if title != "options":
            yield from (".PP", _plain(f"{title.capitalize()}:"))
        for entry in entries:
            yield from _entry(entry)
    if page.same_as:
        yield from (".PP", _plain(f"It takes the options of {page.same_as}."))


def _entry(entry: Entry, commands: str = "") -> Iterator[str]:
    yield ".TP"
    value = f" \\fI{_plain(entry.value)}\\fR" if entry.value else ""
    if entry.names:
        yield ", ".join(f"\\fB{_plain(name)}\\fR{value}" for name in entry.names)
    else:
        yield f"\\fB{_plain(entry.variables[0])}\\fR"
    notes = []
    if entry.choices:
        notes.append("One of " + ", ".join(entry.choices) + ".")
    if entry.variables and entry.names:
        notes.append("Variable " + ", else ".join(entry.variables) + ".")
    if entry.default:
        notes.append(f"Default {entry.default}.")
    if commands:
        notes.append(f"Commands: {commands}.")
    yield _plain(" ".join([entry.help[:1].upper() + entry.help[1:].rstrip(".") + ".", *notes]))


def _plain(text: str) -> str:
    """A text without anything that troff would take for a request or an escape."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return re.sub(r"^([.'])", r"\\&\1", text)
