"""What gunicorn itself puts into answers, in the processes of ours: no name, and one envelope."""

from __future__ import annotations

import socket
from http import HTTPStatus

from gunicorn import util
from gunicorn.http import wsgi
from typing_extensions import override

from drum_web.servers.refusals import refusal

__all__ = ["answer_as_ours"]


def answer_as_ours() -> None:
    """For a worker process of our own: gunicorn has no setting for either."""
    wsgi.Response = _NamelessResponse
    util.write_error = _write_error


class _NamelessResponse(wsgi.Response):  # type: ignore[misc] # gunicorn publishes no types
    """A response without the header `Server`."""

    @override
    def default_headers(self) -> list[str]:
        lines: list[str] = super().default_headers()
        return [line for line in lines if not line.lower().startswith("server:")]


def _write_error(sock: socket.socket, status_int: int, reason: str, mesg: str) -> None:
    """What came is not repeated, as gunicorn does in its HTML."""
    known = status_int in {status.value for status in HTTPStatus}
    status = status_int if known else HTTPStatus.BAD_REQUEST
    util.write_nonblock(sock, refusal(status, f"{HTTPStatus(status).phrase.lower()}."))
