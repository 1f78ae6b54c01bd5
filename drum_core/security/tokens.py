"""Bearer tokens (RFC 6750): those that a server takes, read anew when their file changes."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from drum_core.messages import Headers
from drum_core.options.tokens import parse_tokens
from drum_core.security.errors import UnauthorizedError
from drum_core.security.file_stamps import Stamp, stamp_of

__all__ = ["Tokens"]

_logger = logging.getLogger("drum.server")

LOOK_SECONDS: Final = 1.0
"""How old, at most, what is known of the file may be."""


class Tokens:
    """The tokens of one server; thread-safe, and cheap enough for an event loop.

    They are `values`, or what is in `file`, which is looked at once a second at most while
    requests come. A file that cannot be read, or holds no token, opens nothing: every request is
    then refused until it can be read again. `on_read` is told the tokens, now and at each change.
    """

    def __init__(
        self,
        values: Iterable[str] = (),
        *,
        file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_read: Callable[[Iterable[str]], object] = lambda values: None,
    ) -> None:
        self._file = file
        self._clock = clock
        self._on_read = on_read
        self._lock = threading.Lock()
        self._seen: Stamp = None
        self._due = float("-inf")
        self._digests: tuple[bytes, ...] = ()
        self._take(tuple(values))
        self._refresh()

    def refusal(self, headers: Headers, /) -> UnauthorizedError | None:
        """Why a request with these header fields is not let in; `None` when it is."""
        self._refresh()
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            return UnauthorizedError(presented=False)
        # Digests have one length, whatever was sent; all are compared, whichever fits.
        digest = _digest(token)
        taken = False
        for known in self._digests:
            taken |= hmac.compare_digest(digest, known)
        return None if taken else UnauthorizedError(presented=True)

    def _take(self, values: tuple[str, ...]) -> None:
        self._digests = tuple(map(_digest, values))
        self._on_read(values)

    def _refresh(self) -> None:
        if self._file is None or self._clock() < self._due:
            return
        with self._lock:
            if self._clock() < self._due:
                return
            found = stamp_of(self._file)
            if found is None or found != self._seen:
                self._read(self._file, found)
            self._due = self._clock() + LOOK_SECONDS

    def _read(self, file: Path, found: Stamp) -> None:
        try:
            values = parse_tokens(file.read_bytes())
        except (OSError, ValueError) as error:
            if self._digests or self._seen is not None or found is not None:
                reason = error.strerror if isinstance(error, OSError) else error
                _logger.error("No token is taken: the token file %s: %s", file, reason)
            self._digests, self._seen = (), found
            return
        if self._seen is not None:
            _logger.info("Took the tokens of %s anew: %d of them", file, len(values))
        self._seen = found
        self._take(values)


def _digest(token: str) -> bytes:
    # Header values are decoded as Latin-1, so that any byte can be encoded back.
    return hashlib.sha256(token.encode("latin-1", "replace")).digest()
