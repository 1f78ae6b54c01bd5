"""Checks of the answers themselves: that they come, are probabilities, and can be sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pandas as pd

from drum_core.data.payload import Payload
from drum_core.data.predictions import probabilities_as_they_are
from drum_core.errors import DrumError, PredictionError, UserHTTPError
from drum_core.model.exchange import UnstructuredRequest
from drum_core.model.target import BinaryTarget, MulticlassTarget, MultilabelTarget
from drum_core.results.validation import Finding
from drum_core.serving.prediction_json import prediction_json
from drum_core.validation.exchange import Step, Verdict
from drum_core.validation.session import (
    BaseFailed,
    Failure,
    NotApplicable,
    Session,
    answer,
    predictions,
)
from drum_core.validation.verdicts import counted, failed, passed, warned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drum_core.data.predictions import Predictions

__all__ = ["batch", "json_safe", "no_rows", "probabilities"]

_SHOWN = 10


def batch(session: Session) -> Verdict:
    """One prediction on the whole input, as `drum score` makes it."""
    session.tell(Step("the whole input"))
    try:
        found = answer(session.subject, session.subject.request)
    except (DrumError, UserHTTPError) as error:
        return failed("The model does not predict on its input.", [Finding(message=str(error))])
    if isinstance(session.subject.request, UnstructuredRequest):
        size = len(found["answer"].iloc[0])
        return passed(f"{len(session.subject.request.data)} bytes in, {size} bytes out.")
    return passed(f"{counted(len(found), 'row')}, {counted(found.shape[1], 'column')} of answers.")


def probabilities(session: Session) -> Verdict:
    """Each from 0 to 1; those of classes that exclude each other add up to one."""
    target = session.subject.target
    if not isinstance(target, (BinaryTarget, MulticlassTarget, MultilabelTarget)):
        raise NotApplicable("The model predicts no probabilities.")
    numbers = _predicted(session).values.astype(float)
    wrong = {
        "is no number": np.isnan(numbers).any(axis=1),
        "is below 0": (numbers < 0).any(axis=1),
        "is above 1": (numbers > 1).any(axis=1),
    }
    findings = [
        _rows_finding(f"A probability {what}", rows, numbers) for what, rows in wrong.items()
    ]
    if not isinstance(target, MultilabelTarget):
        apart = ~np.isclose(numbers.sum(axis=1), 1.0, rtol=1e-5, atol=1e-8)
        apart &= ~np.isnan(numbers).any(axis=1)
        findings.append(_rows_finding("The probabilities do not add up to 1", apart, numbers))
    found = [finding for finding in findings if finding is not None]
    if found:
        return failed("Some answers are no probabilities.", found)
    return passed(f"{len(numbers)} rows of probabilities are sound.")


def json_safe(session: Session) -> Verdict:
    """The answer as a server sends it: nothing that JSON cannot carry, or turns into null."""
    if session.subject.model.transform is not None:
        raise NotApplicable("A transform is answered as CSV or as a sparse matrix, not as JSON.")
    if isinstance(session.subject.request, UnstructuredRequest):
        return _unstructured_json(session)
    found = _predicted(session)
    findings = [*_lost(found.frame().iloc[:, : len(found.columns)], ("no number", "infinite"))]
    hints = []
    if found.extra is not None:
        findings += _lost(found.extra, ("infinite",))
        hints = _lost(found.extra, ("no number",))
    try:
        prediction_json(found, session.subject.target)
    except (PredictionError, TypeError, ValueError) as error:
        findings.append(Finding(message=f"The answer cannot be written as JSON. {error}"))
    if findings:
        return failed("JSON does not carry what the model answers.", [*findings, *hints])
    if hints:
        return warned("Clients get null for some values of extra columns.", hints)
    return passed(f"{found.rows} rows are the same as JSON.")


def no_rows(session: Session) -> Verdict:
    """A request without rows is refused, or answered without rows; the process survives."""
    if isinstance(session.subject.request, UnstructuredRequest):
        request = session.subject.request
        nothing = UnstructuredRequest(data=b"", content_type=request.content_type)
        found = session.attempt(nothing, "no input at all")
        said = f"refuses it: {found.text}" if isinstance(found, Failure) else "answers it"
        return passed(f"Of no bytes at all, the model {said}.")
    session.base()
    table = session.columns
    got = session.try_cells(table.cells.iloc[:0], "a header without rows")
    if isinstance(got, Failure):
        return passed(f"Refused: {got.text}")
    if len(got):
        message = f"{len(got)} rows are answered where none was asked about."
        return failed("The model answers rows that are not there.", [_kept(session, message)])
    return passed("Answered without rows.")


def _unstructured_json(session: Session) -> Verdict:
    found = session.base()
    kind, data = str(found["type"].iloc[0]), found["answer"].iloc[0]
    if kind.partition(";")[0].strip() != "application/json":
        raise NotApplicable(f"The answer is {kind!r}, not JSON.")
    try:
        json.loads(data, parse_constant=_refuse_constant)
    except ValueError as error:
        message = f"The answer says that it is JSON, and is not: {error}."
        return failed("Clients cannot read the answer.", [Finding(message=message)])
    return passed("The answer is JSON, as it says.")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")


def _predicted(session: Session) -> Predictions:
    """The predictions for the whole input, whatever they add up to."""
    request = session.subject.request
    if not isinstance(request, Payload):
        raise NotApplicable("The model predicts on no table.")
    session.tell(Step("the whole input"))
    with probabilities_as_they_are():
        try:
            return predictions(session.subject, request)
        except (DrumError, UserHTTPError) as error:
            raise BaseFailed(str(error)) from error


def _rows_finding(
    what: str, wrong: NDArray[np.bool_], numbers: NDArray[np.float64]
) -> Finding | None:
    rows = np.flatnonzero(wrong)
    if not len(rows):
        return None
    values = ", ".join(f"{value:.6g}" for value in numbers[rows[0]])
    message = f"{what} in {len(rows)} of {len(numbers)} rows, such as row {rows[0]} ({values})."
    return Finding(message=message, rows=tuple(int(row) for row in rows[:_SHOWN]))


def _lost(frame: pd.DataFrame, kinds: tuple[str, ...]) -> list[Finding]:
    """What of a table becomes null in JSON, of the kinds asked about."""
    found = []
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place]
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        rows_of_kind = {
            "no number": column.isna().to_numpy(dtype=bool),
            "infinite": np.isinf(numbers),
        }
        for kind in kinds:
            rows = np.flatnonzero(rows_of_kind[kind])
            if len(rows):
                value = "NaN or None" if kind == "no number" else "infinite"
                message = f"{len(rows)} of {len(frame)} values are {value}; clients get null."
                shown = tuple(int(row) for row in rows[:_SHOWN])
                found.append(Finding(message=message, feature=str(name), rows=shown))
    return found


def _kept(session: Session, message: str) -> Finding:
    return Finding(message=message, dataset=session.dataset)
