"""Form data (RFC 7578): one parser for every host, so that all read a form alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drum_core.errors import RequestError
from drum_core.serving.media_type import MediaType

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

__all__ = ["Part", "parse_form"]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form; `file_name` is `None` for a plain field."""

    name: str
    file_name: str | None
    data: bytes


def parse_form(body: bytes, media_type: MediaType) -> Sequence[Part]:
    """The parts of a `multipart/form-data` body, in order; those without a name are left out.

    Raises `RequestError` when the body is not such a form.
    """
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser

    boundary = media_type.parameters.get("boundary", "")
    if not boundary:
        raise RequestError(
            "The multipart form has no boundary in its Content-Type header; let the HTTP client "
            "set that header, as curl -F does."
        )
    collector = _Collector()
    try:
        parser = MultipartParser(boundary, collector.callbacks())
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise RequestError(f"The multipart form cannot be read: {error}.") from error
    if not collector.ended:
        raise RequestError("The multipart form is cut short: its last boundary is missing.")
    return collector.parts


@dataclass
class _Collector:
    """Puts together what the parser reports piece by piece."""

    parts: list[Part] = field(default_factory=list)
    ended: bool = False
    _name: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _disposition: bytes = b""
    _data: list[bytes] = field(default_factory=list)

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header,
            "on_part_data": lambda data, start, end: self._data.append(data[start:end]),
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._disposition = b""
        self._data.clear()

    def _header(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def _end_part(self) -> None:
        from python_multipart.multipart import parse_options_header

        _, options = parse_options_header(self._disposition)
        if (name := options.get(b"name")) is not None:
            file_name = options.get(b"filename")
            self.parts.append(
                Part(
                    name=name.decode("utf-8", "replace"),
                    file_name=None if file_name is None else file_name.decode("utf-8", "replace"),
                    data=self._data[0] if len(self._data) == 1 else b"".join(self._data),
                )
            )

    def _end(self) -> None:
        self.ended = True
