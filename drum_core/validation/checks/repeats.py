"""Checks that an answer depends on its request alone: not on chance, nor on what came before."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from drum_core.errors import InputError
from drum_core.model.exchange import UnstructuredRequest
from drum_core.model.target import TextTarget, UnstructuredTarget
from drum_core.results.validation import Finding
from drum_core.validation.column_kinds import altered
from drum_core.validation.compare import SAME_REQUEST, Gap, described, gaps, noise, rows_of
from drum_core.validation.exchange import Verdict
from drum_core.validation.session import BaseFailed, NotApplicable, Request, Session
from drum_core.validation.verdicts import failed, passed, warned

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["history", "repeat"]


def repeat(session: Session) -> Verdict:
    """One request three times: one answer. Text may differ, and that is told as a warning."""
    first = session.base()
    try:
        answers = session.again(2)
    except BaseFailed as error:
        return failed("Its answers differ.", [Finding(message=str(error))])
    for later in answers[1:]:
        found = gaps(first, later, SAME_REQUEST)
        if found:
            finding = _finding(session, found, ("at first", "when asked again"), first)
            if isinstance(session.subject.target, (TextTarget, UnstructuredTarget)):
                return warned("Its answers differ from call to call.", [finding])
            return failed("Its answers differ from call to call.", [finding])
    return passed("Three answers to one request are the same.")


def history(session: Session) -> Verdict:
    """Other requests between two equal ones do not change the answer."""
    first, again = session.again(1)
    known = noise([first, again])
    if not all(np.isfinite(width) for width in known.values()):
        raise NotApplicable("Its answers to one request differ: see the check repeat.")
    others = _others(session)
    for request, what in others:
        session.attempt(request, what)
    last = session.again(1)[1]
    found = gaps(first, last, SAME_REQUEST, known)
    if found:
        names = ("at first", f"after {len(others)} other requests")
        return failed(
            "What was asked before changes the answer.", [_finding(session, found, names, first)]
        )
    session.by_chance = bool(gaps(first, last, SAME_REQUEST))
    return passed(f"The answer is the same after {len(others)} other requests.")


def _others(session: Session) -> Sequence[tuple[Request, str]]:
    request = session.subject.request
    if session.subject.sample is None or isinstance(request, UnstructuredRequest):
        if isinstance(request, UnstructuredRequest):
            twice = UnstructuredRequest(
                data=request.data * 2,
                content_type=request.content_type,
                default_charset=request.default_charset,
                query=request.query,
            )
            return [(twice, "the input twice over")]
        raise NotApplicable(session.subject.without)
    table = session.subject.sample
    tables = [
        (table.cells.iloc[::-1], "the rows in reverse"),
        (table.cells.iloc[-1:], "the last row alone"),
    ]
    if table.has_cells:
        tables += [(altered(table, factor), "other values") for factor in (2, -3)]
    requests: list[tuple[Request, str]] = []
    for cells, what in tables:
        # Twice the largest of the numbers may be one that the format does not have.
        with suppress(InputError):
            requests.append((table.encode(cells), what))
    return requests


def _finding(
    session: Session, found: Sequence[Gap], names: tuple[str, str], first: DataFrame
) -> Finding:
    if isinstance(session.subject.request, UnstructuredRequest):
        worst = found[0]
        return Finding(
            message=f"{worst.first!r:.200} {names[0]}, {worst.second!r:.200} {names[1]}."
        )
    numbers = session.table.numbers() if session.subject.sample else list(range(len(first)))
    return Finding(
        message=described(found, numbers, names, len(first)),
        rows=rows_of(found, numbers),
        dataset=session.dataset,
    )
