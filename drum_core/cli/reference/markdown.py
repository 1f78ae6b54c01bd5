"""The reference as docs/cli.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from drum_core.cli.reference.pages import CommandPage, Entry, Reference, commands_text

__all__ = ["markdown"]

_SHARED = "Options of several commands"


def markdown(found: Reference) -> str:
    """The whole page."""
    lines = [
        "# Commands and options",
        "",
        "<!-- Made by: python -m drum_core.cli.reference markdown > docs/cli.md -->",
        "",
        "This page is made from the options themselves. What the commands do, and how values come",
        "about, is in [command-line.md](command-line.md). A variable is read where the flag is not",
        "given; of several the first that is set counts.",
        "",
    ]
    for page in found.commands:
        lines += _command(page)
    lines += [f"## {_SHARED}", ""]
    for title, entries in found.shared.items():
        lines += [f"### {title.capitalize()}", ""]
        lines += _table((entry, commands_text(names, found)) for entry, names in entries)
    return "\n".join(lines).rstrip("\n") + "\n"


def _command(page: CommandPage) -> Iterator[str]:
    yield from (f"## {page.name}", "", page.purpose, "", "```", page.usage, "```", "")
    for title, entries in page.own.items():
        if title != "options":
            yield from (f"**{title.capitalize()}**", "")
        yield from _table((entry, "") for entry in entries)
    if page.same_as:
        link = f"[{page.same_as}](#{page.same_as.replace(' ', '-')})"
        yield from (f"It takes the options of {link}.", "")
    elif page.takes_shared:
        yield from (f"It also takes [{_SHARED.lower()}](#{_SHARED.lower().replace(' ', '-')}).", "")


def _table(rows: Iterable[tuple[Entry, str]]) -> Iterator[str]:
    """A table, without the columns in which nothing is."""
    head = ("Option", "Variable", "Default", "Meaning", "Commands")
    cells = [head, *((*_cells(entry), commands) for entry, commands in rows)]
    shown = [place for place in range(len(head)) if any(row[place] for row in cells[1:])]
    for number, row in enumerate(cells):
        yield "| " + " | ".join(row[place] for place in shown) + " |"
        if number == 0:
            yield "|" + "---|" * len(shown)
    yield ""


def _cells(entry: Entry) -> tuple[str, str, str, str]:
    return (
        _code(*(" ".join(filter(None, (name, entry.value))) for name in entry.names)),
        _code(*entry.variables),
        _code(entry.default) if entry.default else "",
        _meaning(entry),
    )


def _code(*texts: str) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _meaning(entry: Entry) -> str:
    text = re.sub(r"([|*<])", r"\\\1", entry.help)
    text = re.sub(r"(?<![\w-])(--[a-z][a-z-]*[a-z])", r"`\1`", text)
    return f"{text}: {_code(*entry.choices)}" if entry.choices else text
