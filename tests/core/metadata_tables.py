"""The tables of docs/metadata.md, made of the JSON Schema.

`python -m tests.core.metadata_tables` puts them into the document.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias, cast

from drum_core.model.schema.editor import metadata_schema

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "metadata.md"
_MARKED: Final = re.compile(r"(<!-- keys of (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)

_WORDS: Final = {
    "integer": "whole number",
    "number": "number",
    "boolean": "yes or no",
    "object": "keys with values",
}

Schema: TypeAlias = Mapping[str, object]


def with_tables(text: str) -> str:
    """The text, with a table between each pair of marks."""
    return _MARKED.sub(lambda found: f"{found[1]}\n{table(found[2])}\n{found[3]}", text)


def table(name: str) -> str:
    """The keys of the whole file, or of one of its definitions, as a Markdown table."""
    whole = metadata_schema()
    section = whole if name == "file" else whole["$defs"][name]
    required = section.get("required", [])
    rows = ["| Key | Value | |", "|---|---|---|"]
    for key, described in cast("Mapping[str, Schema]", section["properties"]).items():
        note = "required" if key in required else ""
        said = str(described.get("description", "")).partition("\n")[0].rstrip(".")
        words = "; ".join(word for word in (note, said[:1].lower() + said[1:]) if word)
        rows.append(f"| `{key}` | {kind(described)} | {words} |")
    return "\n".join(rows) + "\n"


def kind(described: Schema) -> str:
    """What a value may be, in words."""
    match described:
        case {"$ref": str(name)}:
            target = metadata_schema()["$defs"][name.rpartition("/")[2]]
            return kind(target) if "enum" in target else "keys with values, see below"
        case {"enum": list(choices)}:
            return ", ".join(f"`{choice}`" for choice in choices)
        case {"const": str(value)}:
            return f"`{value}`"
        case {"type": "array", "items": dict(items)}:
            return f"list of {kind(items)}"
        case {"oneOf": list()}:
            return "keys with values, see below"
        case {"anyOf": [dict(first), *_]}:
            return "yes or no" if first == {"type": "boolean"} else f"{kind(first)}, or a list"
        case {"type": str() | list() as name}:
            return _WORDS.get(str(name), "text")
        case _:
            return "anything"


if __name__ == "__main__":
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
