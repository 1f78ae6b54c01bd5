"""Checks of what a model makes of values that its training data did not have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd

from drum_core.model.target import (
    BinaryTarget,
    MulticlassTarget,
    MultilabelTarget,
    TextTarget,
)
from drum_core.results.validation import Finding
from drum_core.validation.checks.columns import empty_rows
from drum_core.validation.column_kinds import kinds_of, unseen
from drum_core.validation.compare import shown
from drum_core.validation.exchange import Verdict
from drum_core.validation.session import NO_TIME, BaseFailed, Failure, NotApplicable, Session
from drum_core.validation.verdicts import counted, judged

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from drum_core.validation.sample import Sample

__all__ = ["empty_text", "extreme_numbers", "long_text", "unseen_category"]

_ROWS: Final = 20
_LONG: Final = "a very long text " * 6000
"""A hundred thousand characters."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """One value in the first row of a column. Where it is not `sure`, a failure is a warning."""

    column: str
    value: object
    sure: bool = True
    may_fail: bool = False
    """Whether an error is as good an answer as any, as for infinity."""


def unseen_category(session: Session) -> Verdict:
    """A category that was not there in training does not make the request fail."""
    columns = _of_kind(session, ("category",), "The input has no column of categories.")
    trials = [_Trial(name, unseen(session.columns.typed[name])) for name in columns]
    return _tried(session, trials, "categories that are new")


def empty_text(session: Session) -> Verdict:
    """An empty text does not make the request fail; nor do blanks, where texts are free."""
    columns = _of_kind(session, ("category", "text"), "The input has no column of texts.")
    kinds = kinds_of(session.columns)
    trials = [
        _Trial(name, value)
        for name in columns
        for value in (("", "   ") if kinds[name] == "text" else ("",))
    ]
    return _tried(session, trials, "empty texts")


def long_text(session: Session) -> Verdict:
    """A text of a hundred thousand characters does not make the request fail."""
    columns = _of_kind(session, ("category", "text"), "The input has no column of texts.")
    sure = not isinstance(session.subject.target, TextTarget)  # which may have a limit
    small = session.columns.some(_ROWS)
    takes_any = [
        name
        for name in columns
        # Where a short new text fails too, its length is not what is wrong.
        if not isinstance(_asked(session, small, name, "a new text"), Failure)
    ]
    if not takes_any:
        raise NotApplicable("New texts fail whatever their length: see unseen-category.")
    return _tried(session, [_Trial(name, _LONG, sure) for name in takes_any], "very long texts")


def extreme_numbers(session: Session) -> Verdict:
    """Numbers far from those of the sample do not make the request fail.

    Infinity may be refused. So may, with a warning, a sign that the column does not have, and
    another number where it holds only a few: it may be the number of something.
    """
    columns = _of_kind(session, ("number", "code"), "The input has no column of numbers.")
    kinds = kinds_of(session.columns)
    trials: list[_Trial] = []
    for name in columns:
        column = session.columns.typed[name]
        trials += _extremes(name, column, code=kinds[name] == "code")
    return _tried(session, trials, "extreme numbers")


def _extremes(name: str, column: Series, *, code: bool) -> Iterator[_Trial]:
    low, high = float(column.min()), float(column.max())
    whole = pd.api.types.is_integer_dtype(column.dtype)
    for size in (1e9, 1e15):
        for sign in (1, -1):
            value = sign * (int(size) if whole else size)
            usual = high > 0 if sign > 0 else low < 0
            yield _Trial(name, value, sure=usual and not code)
    yield _Trial(name, 0 if whole else 0.0, sure=low <= 0 <= high and not code)
    if not whole:
        yield _Trial(name, float("inf"), may_fail=True)
        yield _Trial(name, float("-inf"), may_fail=True)


def _of_kind(session: Session, kinds: tuple[str, ...], otherwise: str) -> list[str]:
    """The columns of some kinds. Raises `NotApplicable` where there are none."""
    session.base()
    found = [name for name, kind in kinds_of(session.columns).items() if kind in kinds]
    if not found:
        raise NotApplicable(otherwise)
    return found


def _tried(session: Session, trials: list[_Trial], called: str) -> Verdict:
    small = session.columns.some(_ROWS)
    base = session.try_cells(small.cells, "some rows as they are")
    if isinstance(base, Failure):
        raise BaseFailed(base.text)
    targets = (BinaryTarget, MulticlassTarget, MultilabelTarget)
    must_be_numbers = isinstance(session.subject.target, targets)
    bad: list[Finding] = []
    odd: list[Finding] = []
    columns: dict[str, None] = {}
    number = small.numbers()[0]
    for trial in trials:
        if not session.more_time():
            break
        columns[trial.column] = None
        found = _asked(session, small, trial.column, trial.value)
        problem, sure = _problem(base, found, trial, must_be_numbers=must_be_numbers)
        if problem:
            finding = Finding(
                message=f"{shown(trial.value)}: {problem}",
                feature=trial.column,
                rows=(number,),
                dataset=session.dataset,
            )
            (bad if sure else odd).append(finding)
    if trials and not columns:
        raise NotApplicable(NO_TIME)
    wrong = len({finding.feature for finding in [*bad, *odd]})
    details = f"{wrong} of {len(columns)} columns cannot have {called}."
    return judged(bad, odd, details, f"Tried {called} in {counted(len(columns), 'column')}.")


def _problem(
    base: DataFrame, found: DataFrame | Failure, trial: _Trial, *, must_be_numbers: bool
) -> tuple[str, bool]:
    """What is wrong with an answer, empty if nothing is, and whether that is sure."""
    if isinstance(found, Failure):
        return ("", True) if found.refused or trial.may_fail else (found.text, trial.sure)
    if empty_rows(base, found) and not trial.may_fail:
        return "the answer is no number (NaN).", trial.sure and must_be_numbers
    return "", True


def _asked(session: Session, small: Sample, name: str, value: object) -> DataFrame | Failure:
    """The answer where the first row has another value in one column."""
    values = small.cells[name].tolist()
    values[0] = small.cell(value)
    what = f"{shown(value)} in the column {name!r}"
    return session.try_cells(small.with_column(name, values), what, feature=name)
