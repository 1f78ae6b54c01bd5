"""What a check has: the loaded model, the rows to vary, and what to say about what it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd

from drum_core.data.payload import Payload
from drum_core.data.predictions import probabilities_as_they_are
from drum_core.errors import DrumError, InputError, UserHTTPError
from drum_core.messages import Query
from drum_core.model.exchange import UnstructuredRequest
from drum_core.model.target import TextTarget
from drum_core.validation.compare import OTHER_SHAPE, Gap, Noise, gaps, noise
from drum_core.validation.exchange import AS_THEY_ARE, Step
from drum_core.validation.sample import Sample

if TYPE_CHECKING:
    from pandas import DataFrame

    from drum_core.data.predictions import Predictions
    from drum_core.model.model import Model
    from drum_core.model.target import Target
    from drum_core.options.validation import ValidationOptions

__all__ = ["NO_TIME", "BaseFailed", "Failure", "NotApplicable", "Request", "Session", "Subject"]

_EXTENSIONS: Final = {
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "text/mtx": ".mtx",
    "application/json": ".json",
    "application/vnd.apache.arrow.stream": ".arrows",
}
NO_TIME: Final = "No time was left: give more with --timeout."
"""Why a check that could try nothing tells nothing; see `Session.more_time`."""

_SHARE: Final = 0.6
"""How much of the time limit a check that repeats something gives to repeating it."""

Request = Payload | UnstructuredRequest
"""What a model is asked with."""


class NotApplicable(Exception):
    """Raised by a check that makes no sense here; says why."""


class BaseFailed(Exception):
    """Raised where the model does not even answer the rows as they are."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that did not come. A refusal was meant: by a hook, or for unfit data."""

    text: str
    refused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is checked: a loaded model, and its input. `without` says why there is no sample."""

    options: ValidationOptions
    target: Target
    model: Model
    request: Request
    sample: Sample | None
    without: str = ""


@dataclass(slots=True, kw_only=True)
class Session:
    """One check of a subject. `tell` is called before each request to the model.

    With a folder `keep`, each request is written there first.
    """

    subject: Subject
    tell: Callable[[Step], None]
    keep: Path | None = None
    started: float = field(default_factory=time.monotonic)
    dataset: Path | None = None
    _base: DataFrame | None = None
    by_chance: bool = False
    """Whether answers were told to be the same that differ no more than answers to one request."""
    _noise: Noise | None = None
    _kept: int = 0

    def more_time(self) -> bool:
        """Whether there is time to go on repeating; false well before the limit is reached."""
        return time.monotonic() - self.started < _SHARE * self.subject.options.timeout

    @property
    def table(self) -> Sample:
        """The rows to vary. Raises `NotApplicable` where there are none."""
        if self.subject.sample is None:
            raise NotApplicable(self.subject.without)
        return self.subject.sample

    @property
    def columns(self) -> Sample:
        """The rows to vary cell by cell. Raises `NotApplicable` where that cannot be done."""
        if not self.table.has_cells:
            raise NotApplicable("The input is a sparse matrix, whose columns are not varied.")
        return self.table

    def request(self) -> Request:
        """The rows as they are."""
        if self.subject.sample is None:
            return self.subject.request
        return self.subject.sample.encode(self.subject.sample.cells)

    def ask(self, request: Request, what: str, *, feature: str | None = None) -> DataFrame:
        """The answer to a request, without extra columns; impossible probabilities too.

        Raises what the model raises.
        """
        self._announce(request, what, feature)
        with probabilities_as_they_are():
            return answer(self.subject, request)

    def try_cells(
        self, cells: DataFrame, what: str, *, feature: str | None = None
    ) -> DataFrame | Failure:
        """The answer to a table, or how it failed. Raises `NotApplicable` for an unfit table."""
        try:
            request = self.table.encode(cells)
        except InputError as error:
            raise NotApplicable(str(error)) from error
        return self.attempt(request, what, feature=feature)

    def attempt(
        self, request: Request, what: str, *, feature: str | None = None
    ) -> DataFrame | Failure:
        """The answer, or how it failed."""
        try:
            return self.ask(request, what, feature=feature)
        except (UserHTTPError, InputError) as error:
            return Failure(str(error), refused=True)
        except DrumError as error:
            return Failure(str(error), refused=False)

    def base(self) -> DataFrame:
        """The answer for the rows as they are, once a session. Raises `BaseFailed`."""
        if self._base is None:
            found = self.attempt(self.request(), AS_THEY_ARE)
            if isinstance(found, Failure):
                raise BaseFailed(found.text)
            self._base = found
        return self._base

    def again(self, times: int = 1) -> list[DataFrame]:
        """The answers for the rows as they are, asked for once more."""
        found = [self.base()]
        for _ in range(times):
            more = self.attempt(self.request(), "the rows as they are, once more")
            if isinstance(more, Failure):
                raise BaseFailed(f"Asked once more, it fails: {more.text}")
            if not _same_shape(found[0], more):
                raise BaseFailed(
                    f"Asked twice, it gives tables of {found[0].shape} and {more.shape} "
                    "(rows, columns)."
                )
            found.append(more)
        return found

    def unlike_base(self, other: DataFrame, places: Sequence[int] | None = None) -> list[Gap]:
        """Where an answer differs from that for the rows as they are; `places` are its rows there.

        What the model changes from call to call does not count: it is measured where it matters.
        Raises `NotApplicable` where nothing can be compared.
        """
        first = self.base() if places is None else self.base().iloc[list(places)]
        if not _same_shape(first, other):
            raise NotApplicable(
                f"The answers have other shapes: {first.shape} and {other.shape} (rows, columns)."
            )
        found = gaps(first, other, OTHER_SHAPE)
        if not found:
            return []
        if self._noise is None:
            self._noise = noise(self.again(3))
        found = gaps(first, other, OTHER_SHAPE, self._noise)
        if not found and any(not np.isfinite(width) for width in self._noise.values()):
            raise NotApplicable(
                "Its answers to one request differ, so that nothing can be compared with them: "
                "see the check repeat."
            )
        self.by_chance |= not found
        return found

    def _announce(self, request: Request, what: str, feature: str | None) -> None:
        self.dataset = None
        if self.keep is not None:
            self._kept += 1
            kind = request.media_type if isinstance(request, Payload) else ""
            self.dataset = self.keep / f"{self._kept}{_EXTENSIONS.get(kind, '.bin')}"
            self.dataset.write_bytes(request.data)
        self.tell(Step(what, feature, self.dataset))


def answer(subject: Subject, request: Request) -> DataFrame:
    """What the model makes of a request, as a table without extra columns."""
    model = subject.model
    if isinstance(request, UnstructuredRequest):
        if model.unstructured is None:
            raise DrumError("This model takes no unstructured input.")
        given = model.unstructured(request)
        return pd.DataFrame({"type": [given.content_type], "answer": [given.data]})
    if model.transform is not None:
        return model.transform(request, None).dense().reset_index(drop=True)
    return table_of(predictions(subject, request))


def predictions(subject: Subject, request: Request) -> Predictions:
    """The predictions of a model that makes some. Raises `DrumError`."""
    if subject.model.predict is None or isinstance(request, UnstructuredRequest):
        raise DrumError("This model does not predict on tables.")
    return subject.model.predict(request)


def table_of(found: Predictions) -> DataFrame:
    """The columns of predictions alone."""
    return pd.DataFrame(found.values, columns=list(found.columns))


def unstructured_request(options: ValidationOptions, data: bytes) -> UnstructuredRequest:
    """The request that `drum score` makes of such data."""
    query = dict(parse_qsl(options.query or "", keep_blank_values=True))
    return UnstructuredRequest(
        data=data,
        content_type=options.content_type or "text/plain; charset=utf8",
        default_charset="utf8",
        query=Query(query.items()),
    )


def sample_size(target: Target, asked: int) -> int:
    """How many rows are varied: of texts, each of which may take seconds, a few."""
    return min(asked, 8) if isinstance(target, TextTarget) else asked


def _same_shape(one: DataFrame, two: DataFrame) -> bool:
    return one.shape == two.shape and list(one.columns) == list(two.columns)
