"""Where a server listens, as text and as host and port."""

from __future__ import annotations

import re
from typing import Final

from drum_core.errors import OptionError

__all__ = ["DEFAULT_PORT", "parse_address"]

DEFAULT_PORT: Final = 5000


def parse_address(
    text: str, label: str, *, default_port: int | None = DEFAULT_PORT
) -> tuple[str, int]:
    """Host and port of `host`, `host:port`, `[ipv6]` or `[ipv6]:port`.

    Without a default the port must be there. Raises `OptionError` naming `label`.
    """
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.%]+)\]|([^:\[\]\s/]+))(?::(\d{1,5}))?", text)
    port = int(match[3]) if match and match[3] else default_port
    if match is None or port is None or port > 65535:
        raise OptionError(
            label, text, "host:port such as 127.0.0.1:8080 or [::1]:8080, with a port up to 65535"
        )
    return match[1] or match[2], port
