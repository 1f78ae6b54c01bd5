"""Which column is which class: labels as the user writes them, and as the model knows them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

__all__ = ["match_labels", "normalized"]

_WORDS: Final = {
    **dict.fromkeys(("true", "t", "yes", "y", "on"), 1.0),
    **dict.fromkeys(("false", "f", "no", "n", "off"), 0.0),
}


def normalized(label: object) -> float | str:
    """What makes two spellings of a label the same: `0`, `0.0`, `False` and `no` are one.

    A number if it reads as one, else a truth word as 1 or 0, else the text in lower case.
    """
    text = str(label).strip()
    try:
        number = float(text)
    except ValueError:
        return _WORDS.get(text.lower(), text.lower())
    return text.lower() if math.isnan(number) else number


def match_labels(found: Sequence[object], wanted: Sequence[str]) -> list[str] | None:
    """The wanted spelling of each found label, in the order found; `None` unless each is one.

    Exact spellings are tried first, so that labels which differ only by case stay apart.
    """
    texts = [str(label) for label in found]
    if len(texts) == len(wanted) and set(texts) == set(wanted):
        return texts
    by_key = {normalized(label): label for label in wanted}
    matched = [by_key.get(normalized(label), "") for label in texts]
    if len(by_key) != len(wanted) or sorted(matched) != sorted(wanted):
        return None
    return matched
