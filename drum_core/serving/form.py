"""Writing form data (RFC 7578): the same bytes for the same parts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["FormField", "write_form"]


@dataclass(frozen=True, slots=True)
class FormField:
    """One part: a plain field, or a file, which is called as its field where it has no name."""

    name: str
    data: bytes
    is_file: bool = False
    file_name: str = ""

    def lines(self) -> bytes:
        """The part as it is written, between two boundaries."""
        head = f'Content-Disposition: form-data; name="{self.name}"'
        if self.is_file:
            head += f'; filename="{self.file_name or self.name}"'
            head += "\r\nContent-Type: application/octet-stream"
        return head.encode() + b"\r\n\r\n" + self.data + b"\r\n"


def write_form(fields: Iterable[FormField]) -> tuple[bytes, str]:
    """The body with the parts in order, and its content type.

    The boundary is a digest of the parts, so none of them can hold it.
    """
    parts = [field.lines() for field in fields]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    boundary = digest.hexdigest()[:32]
    line = f"--{boundary}\r\n".encode()
    body = b"".join([*(line + part for part in parts), f"--{boundary}--\r\n".encode()])
    return body, f"multipart/form-data; boundary={boundary}"
