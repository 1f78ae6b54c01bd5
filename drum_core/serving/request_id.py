"""The id of the request that is being answered, for log records and error texts."""

from __future__ import annotations

import os
import random
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
    return sent if _SAFE.fullmatch(sent) else str(uuid.UUID(int=_ids.getrandbits(128), version=4))


_ids: Final = random.Random()
"""Not the system's generator, which a request would wait for; seeded anew in a forked worker."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ids.seed)
