"""Checks of what a model makes of columns that are empty, elsewhere, too many or missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from drum_core.errors import listed
from drum_core.results.validation import Finding
from drum_core.validation.compare import OTHER_SHAPE, described, gaps, rows_of
from drum_core.validation.exchange import Verdict
from drum_core.validation.session import NO_TIME, Failure, NotApplicable, Session
from drum_core.validation.verdicts import failed, judged, passed, warned

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["column_order", "extra_column", "missing_column", "nulls"]

_EXTRA: Final = "drum_validation_extra"


def nulls(session: Session) -> Verdict:
    """Each column in turn without any value: the model still predicts."""
    table, base = session.columns, session.base()
    bad: list[Finding] = []
    odd: list[Finding] = []
    tried = 0
    for name in table.cells.columns:
        if not session.more_time():
            break
        tried += 1
        what = f"the column {name!r} without values"
        cells = table.with_column(name, table.missing)
        found = session.try_cells(cells, what, feature=str(name))
        if isinstance(found, Failure):
            finding = Finding(message=found.text, feature=str(name), dataset=session.dataset)
            (odd if found.refused else bad).append(finding)
        elif rows := empty_rows(base, found):
            odd.append(
                Finding(
                    message=f"{len(rows)} rows are answered with no number (NaN).",
                    feature=str(name),
                    rows=tuple(table.numbers()[row] for row in rows[:10]),
                    dataset=session.dataset,
                )
            )
    if not tried:
        raise NotApplicable(NO_TIME)
    count = len(table.cells.columns)
    sound = f"{tried} of {count} columns without values are answered{_in_time(tried, count)}."
    return judged(bad, odd, f"{len(bad) + len(odd)} of {tried} columns cannot be empty.", sound)


def column_order(session: Session) -> Verdict:
    """Columns in another order have the same names, so the same answers."""
    table = session.columns
    names = list(table.cells.columns)
    if len(names) < 2:
        raise NotApplicable("The input has one column.")
    session.base()
    refused = ""
    for what, order in (("in reverse", names[::-1]), ("rotated", [*names[1:], names[0]])):
        found = session.try_cells(table.cells[order], f"the columns {what}")
        if isinstance(found, Failure):
            refused = found.text
            continue
        if finding := _changed(session, found, ("as they are", f"with the columns {what}")):
            if session.subject.model.info.predictor is not None:
                return warned("The model knows its columns by their place alone.", [finding])
            return failed("The order of the columns changes the answers.", [finding])
    if refused:
        return passed(f"Another order is refused: {refused}")
    return passed(f"{len(names)} columns in other orders: the answers are the same.")


def extra_column(session: Session) -> Verdict:
    """A column that the model does not know changes nothing, or is refused."""
    table = session.columns
    session.base()
    findings, refused = [], ""
    for where, place, value in (
        ("last, with numbers", len(table.cells.columns), 12345),
        ("last, with texts", len(table.cells.columns), "extra"),
        ("first, with numbers", 0, 12345),
    ):
        cells = table.cells.copy()
        cells.insert(
            place, _EXTRA, pd.Series([table.cell(value)] * len(cells), cells.index, object)
        )
        found = session.try_cells(cells, f"a column more, {where}", feature=_EXTRA)
        if isinstance(found, Failure):
            refused = found.text
        elif finding := _changed(session, found, ("as they are", f"with a column more, {where}")):
            findings.append(finding)
    if findings:
        return failed("A column that the model does not know changes its answers.", findings)
    if refused:
        return passed(f"A column more is refused, not taken for another: {refused}")
    return passed("A column more, first or last, changes nothing.")


def missing_column(session: Session) -> Verdict:
    """Without a column the model refuses, or answers as if its values were missing."""
    table = session.columns
    names = list(table.cells.columns)
    if len(names) < 2:
        raise NotApplicable("The input has one column.")
    session.base()
    findings: list[Finding] = []
    tried = refused = unused = 0
    for name in names:
        if not session.more_time():
            break
        tried += 1
        what = f"the column {name!r} left out"
        found = session.try_cells(table.cells.drop(columns=name), what, feature=str(name))
        dataset = session.dataset
        if isinstance(found, Failure):
            refused += 1
            continue
        finding = _changed(session, found, ("with it", "without it"), str(name))
        if finding is None:
            unused += 1
            continue
        empty = session.try_cells(
            table.with_column(name, table.missing), f"the column {name!r} without values"
        )
        if isinstance(empty, Failure) or _differ(empty, found):
            findings.append(
                Finding(
                    message=finding.message, feature=str(name), rows=finding.rows, dataset=dataset
                )
            )
    if not tried:
        raise NotApplicable(NO_TIME)
    if findings:
        names_found = listed(finding.feature for finding in findings)
        return failed(f"Without {names_found} the model answers something else.", findings)
    kept = tried - refused - unused
    return passed(
        f"Of {tried} columns{_in_time(tried, len(names))}, {refused} are demanded, {unused} make "
        f"no difference, {kept} count as missing values when they are left out."
    )


def empty_rows(base: DataFrame, found: DataFrame) -> list[int]:
    """The rows that are answered with NaN, and were not before."""
    if base.shape != found.shape:
        return []
    news = found.isna().to_numpy(dtype=bool) & ~base.isna().to_numpy(dtype=bool)
    return [int(row) for row in np.flatnonzero(news.any(axis=1))]


def _changed(
    session: Session, found: DataFrame, names: tuple[str, str], feature: str | None = None
) -> Finding | None:
    dataset = session.dataset
    found_gaps = session.unlike_base(found)
    if not found_gaps:
        return None
    numbers = session.table.numbers()
    return Finding(
        message=described(found_gaps, numbers, names, len(numbers)),
        feature=feature,
        rows=rows_of(found_gaps, numbers),
        dataset=dataset,
    )


def _differ(one: DataFrame, two: DataFrame) -> bool:
    return one.shape != two.shape or bool(gaps(one, two, OTHER_SHAPE))


def _in_time(tried: int, count: int) -> str:
    return "" if tried == count else f" ({count - tried} more were not tried: no time was left)"
