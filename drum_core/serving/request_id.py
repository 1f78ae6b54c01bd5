"""The id of the request that is being answered, for log records and error texts."""

from __future__ import annotations

import re
import uuid
from contextvars import ContextVar
from typing import Final

from drum_core.messages import Headers

__all__ = ["REQUEST_ID_HEADERS", "current_request_id", "request_id_of"]

REQUEST_ID_HEADERS: Final = ("X-Request-ID", "X_Request_ID")
"""Both spellings are sent: the first is usual, the second is DRUM's."""

current_request_id: ContextVar[str] = ContextVar("drum_request_id", default="")
"""Set around everything that is done for a request, streams included; empty elsewhere."""

_SAFE: Final = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


def request_id_of(headers: Headers) -> str:
    """The client's `X-Request-ID`, or a new UUID4 when it sent none, or one not fit for a log.

    At most 128 letters, digits and `._:/+=@-` are taken over.
    """
    sent = headers.get("X-Request-ID", "")
    return sent if _SAFE.fullmatch(sent) else str(uuid.uuid4())
