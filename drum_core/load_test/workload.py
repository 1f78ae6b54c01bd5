"""The requests of a test: rows of the input, repeated until a request has its size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from drum_core.data.formats import file_kind, format_of
from drum_core.data.input_file import read_bytes, read_input
from drum_core.errors import InputError
from drum_core.model.target import TransformTarget, UnstructuredTarget
from drum_core.monitoring.memory import available_memory

if TYPE_CHECKING:
    from drum_core.model.target import Target
    from drum_core.options.perf_test import PerfTestOptions

__all__ = ["AnswerKind", "Body", "Workload", "read_workload"]

_BOUNDARY: Final = b"drum-perf-test-7c1f0b6a4d"
_UNSTRUCTURED: Final = "text/plain; charset=utf8"
_VARIANTS: Final = 64
_VARIANT_BYTES: Final = 4_000_000


AnswerKind: TypeAlias = Literal["predictions", "chat", "any"]
"""What an answer must be: a prediction for each row, a whole stream, or just not empty."""


@dataclass(frozen=True, slots=True)
class Body:
    """One request, ready to be sent. `rows` is `None` where nobody knows how many it has."""

    data: bytes
    content_type: str
    rows: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The input as requests to `path`.

    A text with a line for each row can be cut and repeated; of any other format, or for an
    unstructured model, `lines` is empty and the whole input is one request. `chats` are requests
    that were made of it otherwise.
    """

    path: str
    name: str
    media_type: str
    header: bytes
    lines: tuple[bytes, ...]
    whole: bytes
    rows: int | None
    features: int | None
    as_form: bool
    answers: AnswerKind
    chats: tuple[Body, ...] = ()

    @property
    def row_bytes(self) -> float:
        """The mean size of a row."""
        return sum(map(len, self.lines)) / len(self.lines)

    def samples_for(self, size: int) -> int:
        """How many rows make a request of about `size` bytes; 1 at least."""
        return max(1, round((size - len(self.header)) / self.row_bytes))

    def bodies(self, samples: int | None) -> list[Body]:
        """Requests of so many rows, or of the whole input.

        Small ones come in several variants, of different rows, to be sent in turn: a server that
        always gets the same rows could be faster than it is.
        """
        if self.chats:
            return list(self.chats)
        if samples is None or not self.lines:
            return [self._body(self.whole, self.rows)]
        count = len(self.lines)
        by_size = max(1, int(_VARIANT_BYTES / (samples * self.row_bytes)))
        variants = min(_VARIANTS, count, by_size)
        starts = [round(variant * count / variants) for variant in range(variants)]
        return [self._body(self._cut(start, samples), samples) for start in starts]

    def _cut(self, start: int, samples: int) -> bytes:
        rotated = self.lines[start:] + self.lines[:start]
        times, rest = divmod(samples, len(rotated))
        return self.header + b"".join(rotated) * times + b"".join(rotated[:rest])

    def _body(self, data: bytes, rows: int | None) -> Body:
        if not self.as_form:
            return Body(data, self.media_type, rows)
        head = (
            b'--%s\r\nContent-Disposition: form-data; name="X"; filename="%s"\r\n'
            b"Content-Type: %s\r\n\r\n"
        ) % (_BOUNDARY, _file_name(self.name), self.media_type.encode())
        form = b"".join([head, data, b"\r\n--", _BOUNDARY, b"--\r\n"])
        return Body(form, f"multipart/form-data; boundary={_BOUNDARY.decode()}", rows)


def read_workload(options: PerfTestOptions, target: Target) -> Workload:
    """The requests that `options` and the model's target ask for.

    Raises `InputError` for an input that cannot be read, or has no rows.
    """
    if isinstance(target, UnstructuredTarget):
        return _unstructured(options)
    payload = read_input(options.input, max_bytes=available_memory())
    known = format_of(payload.media_type)
    kind = known.name if known else "csv"
    header = b""
    lines: tuple[bytes, ...] = ()
    if kind in ("csv", "tsv"):
        header, *rest = [*_records(payload.data)] or [b""]
        lines = tuple(rest)
    elif kind == "jsonl":
        lines = tuple(_complete(line) for line in payload.data.splitlines() if line.strip())
    if (kind in ("csv", "tsv", "jsonl") and not lines) or not payload.data.strip():
        raise InputError(
            f"The input {options.input} has no rows, and a request needs at least one. Give a file "
            "with a header and some rows."
        )
    delimiter = b"\t" if kind == "tsv" else b","
    transforms = isinstance(target, TransformTarget)
    return Workload(
        path="/transform/" if transforms else "/predict/",
        name=options.input.name,
        media_type=payload.media_type,
        header=header,
        lines=lines,
        whole=header + b"".join(lines) if lines else payload.data,
        rows=len(lines) or None,
        features=header.count(delimiter) + 1 if header else None,
        as_form=True,
        answers="any" if transforms else "predictions",
    )


def _unstructured(options: PerfTestOptions) -> Workload:
    data = read_bytes(options.input)
    if not data:
        raise InputError(f"The input {options.input} is empty: there is nothing to send.")
    return Workload(
        path="/predictUnstructured/" + (f"?{options.query}" if options.query else ""),
        name=options.input.name,
        media_type=options.content_type or _UNSTRUCTURED,
        header=b"",
        lines=(),
        whole=data,
        rows=None,
        features=None,
        as_form=False,
        answers="any",
    )


def _records(data: bytes) -> Iterable[bytes]:
    """The records of a CSV text as they are, each with a line end; empty lines are left out.

    A record goes on while it has an odd number of quotes: that is a line end inside quotes, see
    RFC 4180, section 2.
    """
    begun: list[bytes] = []
    quotes = 0
    for line in data.splitlines(keepends=True):
        if not begun and not line.strip():
            continue
        begun.append(line)
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            yield _complete(b"".join(begun))
            begun, quotes = [], 0
    if begun:
        yield _complete(b"".join(begun))


def _complete(line: bytes) -> bytes:
    return line if line.endswith((b"\n", b"\r")) else line + b"\n"


def _file_name(name: str) -> bytes:
    """The name without what packed it, which has been taken off, and without what ends a header."""
    kind = file_kind(name)
    shown = name.rpartition(".")[0] if kind.coding else name
    return shown.encode("ascii", "replace").replace(b'"', b"_").replace(b"\\", b"_")
