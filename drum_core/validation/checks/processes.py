"""Checks that other processes answer as this one does: `drum score`, and a server."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import numpy as np
import pandas as pd

from drum_core.child_server import ChildServer, child_server, server_arguments
from drum_core.data.predictions import PREDICTIONS
from drum_core.environment import environment
from drum_core.errors import DrumError, RequestError, ServerError, UserHTTPError
from drum_core.model.exchange import UnstructuredRequest
from drum_core.options.base import PredictingOptions
from drum_core.options.flag import options_of
from drum_core.options.monitoring import MonitoredOptions
from drum_core.options.score import ScoreOptions
from drum_core.results.validation import Finding
from drum_core.serving.media_type import parse_media_type
from drum_core.serving.multipart import parse_form
from drum_core.validation.compare import described, rows_of, shown
from drum_core.validation.exchange import Step, Verdict
from drum_core.validation.session import BaseFailed, NotApplicable, Request, Session, answer
from drum_core.validation.verdicts import failed, passed

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from drum_core.options.validation import ValidationOptions

__all__ = ["reload", "server"]

_STOP_SECONDS = 3.0
_RESERVE = 0.9
"""How much of the time limit another process gets, so that we still tell what it did."""

_NUMERIC = ("integer", "floating", "mixed-integer-float")
_TRUTHS = {"True": True, "False": False}


def reload(session: Session) -> Verdict:
    """`drum score`, in a process of its own with a model of its own, answers the same."""
    request = _sound_request(session)
    session.tell(Step("drum score in another process"))
    with tempfile.TemporaryDirectory() as folder:
        given, output = Path(folder, f"input{_suffix(session)}"), Path(folder, "output")
        given.write_bytes(request.data)
        try:
            done = subprocess.run(
                [*_score_words(session.subject.options, given), f"--output={output}"],
                env=_environment(session.subject.options),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_RESERVE * session.subject.options.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return failed("drum score took too long.", [Finding(message="It did not end in time.")])
        if done.returncode != 0:
            said = done.stdout.decode("utf-8", "replace").strip()[-600:]
            message = f"drum score ended with status {done.returncode}. It said: {said}"
            return failed(
                "The model does not predict in a process of its own.", [Finding(message=message)]
            )
        base = session.base()
        other = _read_output(output, base, request)
    return _compared(session, other, ("in one process", "in another"), "Another process")


def server(session: Session) -> Verdict:
    """A server of this model answers what the model answers here."""
    request = _sound_request(session)
    if session.subject.sample is not None and session.subject.sample.column_names:
        raise NotApplicable("The column names of a sparse matrix are sent as a form.")
    base = session.base()
    options = session.subject.options
    words, variables = server_arguments(_shared(options, options.input))
    session.tell(Step("starting a server"))
    try:
        with child_server(
            words,
            variables=variables,
            ready_seconds=_RESERVE * options.timeout,
            stop_seconds=_STOP_SECONDS,
        ) as child:
            session.tell(Step("the rows as they are, to the server"))
            other = _served(session, child, request, base)
    except _Refused as error:
        message = f"It answers: {error}"
        return failed(
            "The server does not answer what the model answers.", [Finding(message=message)]
        )
    except ServerError as error:
        return failed("No server of this model can be started.", [Finding(message=str(error))])
    return _compared(session, other, ("by the model here", "by the server"), "The server")


class _Refused(Exception):
    """Raised for an answer of the server that is no prediction."""


def _sound_request(session: Session) -> Request:
    """The rows as they are, of which this process makes sound predictions."""
    request = session.request()
    session.base()
    try:
        answer(session.subject, request)
    except (DrumError, UserHTTPError) as error:
        raise BaseFailed(str(error)) from error
    return request


def _compared(session: Session, other: DataFrame, names: tuple[str, str], who: str) -> Verdict:
    base = session.base()
    if list(base.columns) != list(other.columns) or len(base) != len(other):
        message = (
            f"{len(base)} rows with {list(base.columns)!r:.200} {names[0]}, "
            f"{len(other)} with {list(other.columns)!r:.200} {names[1]}."
        )
        return failed(f"{who} answers something else.", [Finding(message=message)])
    found = session.unlike_base(other)
    if not found:
        return passed(f"{who} gives the same {len(base)} answers.")
    if session.subject.sample is None:
        worst = found[0]
        message = f"{shown(worst.first)} {names[0]}, {shown(worst.second)} {names[1]}."
        return failed(f"{who} answers something else.", [Finding(message=message)])
    numbers = session.table.numbers()
    message = described(found, numbers, names, len(base))
    finding = Finding(message=message, rows=rows_of(found, numbers), dataset=session.dataset)
    return failed(f"{who} answers something else.", [finding])


def _shared(options: ValidationOptions, given: Path) -> ScoreOptions:
    """What a run of `drum score` on another input has in common with this one."""
    shared = {
        option.name: getattr(options, option.name) for option in options_of(PredictingOptions)
    }
    return ScoreOptions(
        **shared,
        input=given,
        sparse_column_file=options.sparse_column_file,
        sources=options.sources,
    )


def _score_words(options: ValidationOptions, given: Path) -> list[str]:
    words, _ = server_arguments(_shared(options, given))
    more = []
    if options.sparse_column_file is not None:
        more = [f"--sparse-column-file={options.sparse_column_file}"]
    return [sys.executable, "-m", "drum_core", "score", *words, f"--input={given}", *more]


def _environment(options: ValidationOptions) -> Mapping[str, str]:
    """Ours, without what would make the predictions be reported to a deployment."""
    _, variables = server_arguments(_shared(options, options.input))
    environ = {**environment(), **variables}
    shared = {option.name for option in options_of(PredictingOptions)}
    for option in options_of(MonitoredOptions):
        if option.name not in shared:
            environ.pop(option.flag.env or "", None)
    return {name: text for name, text in environ.items() if text is not None}


def _suffix(session: Session) -> str:
    request = session.request()
    if isinstance(request, UnstructuredRequest) or session.subject.sample is None:
        return session.subject.options.input.suffix
    names = {"csv": ".csv", "tsv": ".tsv", "mtx": ".mtx", "arrow": ".arrows", "parquet": ".arrows"}
    return names.get(session.subject.sample.format, ".json")


def _read_output(output: Path, base: DataFrame, request: Request) -> DataFrame:
    """What was written, with the columns that are compared."""
    if isinstance(request, UnstructuredRequest):
        return base.assign(answer=[output.read_bytes()])
    return _read_table(output, base)


def _read_table(file: Path, base: DataFrame) -> DataFrame:
    """A table in CSV whose first columns are those of `base`, with its types."""
    read = pd.read_csv(file, dtype=str, keep_default_na=False)
    if read.shape[1] < base.shape[1]:
        return read
    columns = [_typed(read.iloc[:, place], base.iloc[:, place]) for place in range(base.shape[1])]
    return pd.concat(columns, axis=1).set_axis(base.columns, axis=1)


def _typed(texts: Series, like: Series) -> Series:
    """A column of texts as numbers or truth values, where `like` has such."""
    kind = pd.api.types.infer_dtype(like, skipna=True)
    if kind == "boolean":
        return texts.map(lambda text: _TRUTHS.get(text, text)).astype(object)
    if kind in _NUMERIC:
        return pd.Series([_number(text) for text in texts], texts.index)
    if len(texts) == len(like):  # a missing text is written as an empty one
        missing = like.isna().to_numpy(dtype=bool) & (texts == "").to_numpy(dtype=bool)
        return texts.astype(object).mask(missing, None)
    return texts


def _number(text: str) -> float | str:
    try:
        return float(text or "nan")
    except ValueError:
        return text  # which is unlike any number


def _served(session: Session, child: ChildServer, request: Request, base: DataFrame) -> DataFrame:
    if isinstance(request, UnstructuredRequest):
        path = "/predictUnstructured/?" + urlencode(list(request.query.items()))
        kind, data = _post(child, path, request.data, request.content_type)
        return pd.DataFrame({"type": [kind], "answer": [data]})
    if session.subject.model.transform is not None:
        kind, data = _post(child, "/transform/", request.data, request.media_type)
        return _transformed(kind, data, base)
    _, data = _post(child, "/predict/", request.data, request.media_type)
    try:
        found = json.loads(data, parse_constant=float)["predictions"]
    except (ValueError, KeyError, TypeError) as error:
        raise _Refused(f"{data[:300]!r}, which is no JSON with predictions") from error
    if list(base.columns) == [PREDICTIONS]:
        answers = pd.DataFrame({PREDICTIONS: pd.Series(found, dtype=base[PREDICTIONS].dtype)})
    else:
        answers = pd.DataFrame(found, columns=list(base.columns), dtype=float)
    # What is infinite is null in JSON; the check json tells of that.
    lost = base.isin([np.inf, -np.inf]).to_numpy()
    return answers.where(~lost, base) if answers.shape == base.shape else answers


def _transformed(kind: str, data: bytes, base: DataFrame) -> DataFrame:
    try:
        parts = {part.name: part.data for part in parse_form(data, parse_media_type(kind))}
    except RequestError as error:
        raise _Refused(f"{data[:300]!r}, which is no form: {error}") from error
    if parts.get("X.format") != b"csv":
        raise NotApplicable("The server answers with a sparse matrix, which is not compared.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "X")
        file.write_bytes(parts.get("X.transformed", b""))
        return _read_table(file, base)


def _post(child: ChildServer, path: str, data: bytes, kind: str) -> tuple[str, bytes]:
    """Content type and body of the answer. Raises `_Refused` for an answer that is an error."""
    connection = http.client.HTTPConnection(urlsplit(child.url).netloc)
    try:
        headers = {**child.headers, "Content-Type": kind}
        connection.request("POST", path, body=data, headers=headers)
        got = connection.getresponse()
        body = got.read()
    except (OSError, http.client.HTTPException) as error:
        child.check()
        raise _Refused(f"{type(error).__name__}: {error}. {child.last_words()}") from error
    finally:
        connection.close()
    if got.status != http.client.OK:
        text = body.decode("utf-8", "replace")[:600]
        raise _Refused(f"{got.status} {got.reason}: {text}")
    return got.headers.get("Content-Type", ""), body
