"""What the columns of a sample hold, and other values that they could hold."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import pandas as pd
from pandas.api import types

from drum_core.validation.sample import Sample

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["Kind", "altered", "kind_of", "kinds_of", "unseen"]

Kind: TypeAlias = Literal["number", "code", "category", "text", "other"]
"""`code` is a whole number with few values; `other` is a date, a truth value, a structured text,
or a column without values: nothing that a check could vary without knowing what it means."""

_FEW: Final = 20
_CATEGORY_LENGTH: Final = 60
_STRUCTURED: Final = re.compile(r"\s*[\[{(<]|[^\s@]+@[^\s@]+\.|[a-z]+://|[0-9a-f-]{32,36}$", re.I)
_WITH_DIGITS: Final = re.compile(r"\d")


def kinds_of(sample: Sample) -> dict[str, Kind]:
    """The kind of each column."""
    return {str(name): kind_of(sample.typed[name]) for name in sample.typed.columns}


def kind_of(column: Series) -> Kind:
    """What a column holds, by its values."""
    values = column.dropna()
    if values.empty or types.is_bool_dtype(column.dtype):
        return "other"
    if types.is_numeric_dtype(column.dtype):
        whole = types.is_integer_dtype(column.dtype)
        return "code" if whole and values.nunique() <= min(_FEW, len(values) // 2) else "number"
    if not all(isinstance(value, str) for value in values):
        return "other"
    texts = [str(value) for value in values]
    if _is_formatted(texts):
        return "other"
    distinct = len(set(texts))
    short = max(map(len, texts)) <= _CATEGORY_LENGTH
    words = sum(len(text.split()) for text in texts) / len(texts)
    few = distinct <= max(len(texts) // 2, 1) or (distinct <= _FEW and words <= 3)
    return "category" if few and short else "text"


def unseen(column: Series) -> str:
    """A text that the column does not hold, in the form of those it does.

    Other digits where there are digits, so that `12 kg` stays a weight; else another word.
    """
    present = {str(value) for value in column.dropna()}
    example = next(iter(sorted(present)), "")
    if _WITH_DIGITS.search(example):
        for turn in range(1, 10):
            text = "".join(_turned(letter, turn) for letter in example)
            if text not in present:
                return text
    return "never_seen_before"


def altered(sample: Sample, factor: int) -> DataFrame:
    """Cells with other numbers, and with texts of other rows."""
    cells = sample.cells.copy()
    for name, kind in kinds_of(sample).items():
        column = sample.typed[name]
        if kind == "number":
            values = [
                sample.missing if pd.isna(value) else sample.cell(value * factor + 1)
                for value in column.tolist()
            ]
            cells[name] = pd.Series(values, index=cells.index, dtype=object)
        elif kind in ("category", "text", "code"):
            cells[name] = cells[name].to_numpy()[::-1]
    return cells


def _turned(letter: str, by: int) -> str:
    return str((int(letter) + by) % 10) if letter in "0123456789" else letter


def _is_formatted(texts: list[str]) -> bool:
    """Whether the texts are dates, times, JSON, addresses: something that code takes apart."""
    head = texts[:50]
    if all(_STRUCTURED.match(text) for text in head):
        return True
    if not all(_WITH_DIGITS.search(text) for text in head):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells when it has to guess the format
        try:
            return bool(pd.to_datetime(pd.Series(head), errors="coerce").notna().all())
        except (TypeError, ValueError, OverflowError):
            return False
