"""Requests worth trying, shown on a terminal as soon as a server listens."""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from typing_extensions import override

from drum_core.cli import console

if TYPE_CHECKING:
    from drum_core.options import ServerOptions

__all__ = ["requests_suggested"]


@contextmanager
def requests_suggested(options: ServerOptions) -> Iterator[None]:
    """Shows example requests once a server says where it listens, and only on a terminal."""
    handler = _OnListening(options)
    root = logging.getLogger()
    if console.has_reader():
        root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _OnListening(logging.Handler):
    """Waits for the record `Listening on http://…`: only a server knows the port it was given."""

    def __init__(self, options: ServerOptions) -> None:
        super().__init__()
        self._options = options
        self._said = False

    @override
    def emit(self, record: logging.LogRecord) -> None:
        found = re.match(r"Listening on (https?://\S+)", record.getMessage())
        if record.name == "drum.server" and found and not self._said:
            self._said = True
            console.show_suggestions(_requests(self._options, found[1].rstrip("/.")))


def _requests(options: ServerOptions, address: str) -> list[str]:
    url = address + options.url_prefix
    sample = options.code_dir / "input.csv"
    data = shlex.quote(f"@{sample}") if sample.is_file() else "@data.csv"
    # The token itself is not shown: who has the terminal may not have the token.
    guarded = options.server_token is not None or options.server_token_file is not None
    bearer = ' --header "Authorization: Bearer $TOKEN"' if guarded else ""
    return [
        f"curl{bearer} {url}/info/",
        f"curl{bearer} --data-binary {data} --header 'Content-Type: text/csv' {url}/predict/",
    ]
