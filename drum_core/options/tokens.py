"""The text that tokens are given in: a variable, or a file of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from drum_core.errors import OptionError

__all__ = ["check_token_file", "parse_tokens"]

EXPECTED: Final = (
    "a token of letters, digits and punctuation, such as `openssl rand -hex 32` makes, or several, "
    "each on a line or after a comma"
)


def parse_tokens(text: str | bytes) -> tuple[str, ...]:
    """The tokens of a text, separated by commas or white space; lines with `#` in front are notes.

    Raises `ValueError`, which never shows a token, where there is none, or one that no header can
    carry.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace").removeprefix("\ufeff")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found = [token for line in lines for token in re.split(r"[\s,]+", line) if token]
    if not found:
        raise ValueError("there is no token")
    for number, token in enumerate(found, 1):
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise ValueError(f"token {number} has a character that is not printable ASCII")
    return tuple(dict.fromkeys(found))


def check_token_file(label: str, path: Path) -> None:
    """Raises `OptionError` naming `label` for a file without tokens."""
    try:
        parse_tokens(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise OptionError(label, str(path), f"a file with {EXPECTED}; here, {reason}") from error
