"""A fitted model on a server of its own, and requests to it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

from drum_core.child_server import ChildServer, child_server
from drum_core.errors import PredictionError, SchemaError, ServerError
from drum_core.monitoring.peak_memory import PeakMemory, peak_memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from drum_core.results.report import JSON

__all__ = ["Answer", "ServedModel", "serving"]

_READY_SECONDS: Final = 600.0
"""A big model may take minutes to load; DRUM gives up after 30 s."""

_LAST_LINES: Final = 10000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, with status 200."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that answers, and the most memory that its server has taken."""

    server: ChildServer
    peak: PeakMemory

    def post(self, path: str, body: bytes, content_type: str) -> Answer:
        """Posts and waits, however long it takes.

        Raises `SchemaError` for an answer that says so, `PredictionError` for any other error.
        """
        connection = http.client.HTTPConnection(urlsplit(self.server.url).netloc)
        headers = {**self.server.headers, "Content-Type": content_type}
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise PredictionError(
                f"The fitted model's server gave no answer to {path} ({type(error).__name__}: "
                f"{error}). It said last:\n{self.server.last_words()}"
            ) from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise _refused(path, answer.status, content)
        return Answer(answer.headers.get("Content-Type", ""), content)

    def predict(self, body: bytes, content_type: str) -> Sequence[JSON]:
        """The predictions of the rows in a form, one for each. Raises as `post`."""
        content = json.loads(self.post("/predict/", body, content_type).body)
        return cast("Sequence[JSON]", content["predictions"])


def _refused(path: str, status: int, content: bytes) -> PredictionError | SchemaError:
    try:
        said: object = json.loads(content)
    except ValueError:
        said = None
    fields: Mapping[str, object] = said if isinstance(said, dict) else {}
    message = str(fields.get("message", content.decode("utf-8", "replace")))
    message = message.removeprefix("ERROR: ")
    if fields.get("is_schema_validation_error"):
        return SchemaError(
            "output", [message.removeprefix("schema validation failed for output: ")]
        )
    return PredictionError(
        f"The fitted model was served, but its answer to {path} has the status {status}: {message}"
    )


@contextmanager
def serving(
    words: Sequence[str],
    variables: Mapping[str, str | None],
    *,
    echo: Callable[[str], None] | None = None,
) -> Iterator[ServedModel]:
    """Starts `drum server` with `words`, and ends it; `echo` is given what it has printed.

    Raises `PredictionError` for a model that cannot be served.
    """
    try:
        with (
            child_server(words, variables=variables, ready_seconds=_READY_SECONDS) as server,
            peak_memory(server.pid) as peak,
        ):
            try:
                yield ServedModel(server, peak)
            finally:
                if echo is not None:
                    for line in server.last_words(_LAST_LINES).splitlines():
                        echo(f"stderr: {line}")
    except ServerError as error:
        raise PredictionError(f"The fitted model cannot be served. {error}") from error
