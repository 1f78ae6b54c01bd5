"""Checks that a row is answered alike alone, among others, in another place, and twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from drum_core.errors import listed
from drum_core.results.validation import Finding
from drum_core.validation.compare import described, rows_of
from drum_core.validation.exchange import Verdict
from drum_core.validation.session import NO_TIME, Failure, NotApplicable, Session
from drum_core.validation.verdicts import failed, passed

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["equal_rows", "one_row", "row_by_row", "row_order"]

_ENOUGH_FAILURES = 5


def one_row(session: Session) -> Verdict:
    """A request of one row is answered with one row."""
    session.base()
    table = session.table
    found = session.try_cells(table.cells.iloc[:1], "the first row alone")
    if isinstance(found, Failure):
        finding = Finding(message=found.text, rows=(0,), dataset=session.dataset)
        return failed("One row alone is not answered, though all together are.", [finding])
    if problem := _other_columns(session, found):
        return failed("One row alone is answered differently.", [problem])
    return passed("The first row alone is answered.")


def row_by_row(session: Session) -> Verdict:
    """Each row alone has the answer that it has among the others."""
    table = session.table
    session.base()
    numbers = table.numbers()
    answers: list[DataFrame] = []
    places: list[int] = []
    failures: list[Finding] = []
    for place, number in enumerate(numbers):
        if not session.more_time() or len(failures) >= _ENOUGH_FAILURES:
            break
        what = f"row {number} alone"
        found = session.try_cells(table.cells.iloc[place : place + 1], what)
        if isinstance(found, Failure):
            message = f"Row {number} alone (counted from 0) fails: {found.text}"
            failures.append(Finding(message=message, rows=(number,), dataset=session.dataset))
        elif problem := _other_columns(session, found):
            failures.append(replace(problem, rows=(number,)))
        elif len(found) != 1:
            message = f"Row {number} alone (counted from 0) is answered with {len(found)} rows."
            failures.append(Finding(message=message, rows=(number,), dataset=session.dataset))
        else:
            answers.append(found)
            places.append(place)
    if not answers and not failures:
        raise NotApplicable(NO_TIME)
    together = pd.concat(answers, ignore_index=True) if answers else None
    found_gaps = [] if together is None else session.unlike_base(together, places)
    findings = list(failures)
    if found_gaps:
        tried = [numbers[place] for place in places]
        message = described(found_gaps, tried, ("among others", "alone"), len(tried))
        findings.append(Finding(message=message, rows=rows_of(found_gaps, tried)))
    if findings:
        return failed("Rows alone are answered differently from rows together.", findings)
    of = "" if len(places) == len(numbers) else f" of {len(numbers)}, for more there was no time"
    return passed(f"{len(places)} rows{of}: each has the same answer alone as among others.")


def row_order(session: Session) -> Verdict:
    """Rows in another order have the same answers, in that order."""
    count = len(session.table.cells)
    if count < 2:
        raise NotApplicable("The input has one row.")
    shuffled = np.random.default_rng(0).permutation(count).tolist()
    orders = {"in reverse": list(range(count))[::-1], "shuffled": shuffled}
    return _rearranged(session, orders, "The order of the rows changes the answers.")


def equal_rows(session: Session) -> Verdict:
    """Rows that are there twice are answered twice."""
    count = len(session.table.cells)
    twice = [place for place in range(count) for _ in range(2)]
    return _rearranged(session, {"twice": twice}, "Equal rows are not answered each for itself.")


def _rearranged(session: Session, orders: dict[str, list[int]], details: str) -> Verdict:
    table = session.table
    session.base()
    numbers = table.numbers()
    findings = []
    for name, places in orders.items():
        found = session.try_cells(table.cells.iloc[places], f"the rows {name}")
        if isinstance(found, Failure):
            message = f"With the rows {name} it fails: {found.text}"
            findings.append(Finding(message=message, dataset=session.dataset))
            continue
        if problem := _other_columns(session, found):
            findings.append(problem)
            continue
        dataset = session.dataset
        if found_gaps := session.unlike_base(found, places):
            moved = [numbers[place] for place in places]
            names = ("as they are", f"with the rows {name}")
            message = described(found_gaps, moved, names, len(moved))
            rows = rows_of(found_gaps, moved)
            findings.append(Finding(message=message, rows=rows, dataset=dataset))
    if findings:
        return failed(details, findings)
    tried: Sequence[str] = list(orders)
    return passed(f"{len(numbers)} rows {' and '.join(tried)} have the same answers.")


def _other_columns(session: Session, found: DataFrame) -> Finding | None:
    base = session.base()
    if list(found.columns) == list(base.columns):
        return None
    return Finding(
        message=f"The answer has the columns {listed(found.columns)} instead of "
        f"{listed(base.columns)}.",
        dataset=session.dataset,
    )
