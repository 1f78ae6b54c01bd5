"""The HTTP clients that text models ask others with, made to tell of their requests, too."""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Callable
from typing import Final

__all__ = ["instrument_clients"]

_logger = logging.getLogger(__name__)

_CLIENTS: Final = (
    ("requests", "opentelemetry.instrumentation.requests", "RequestsInstrumentor"),
    ("aiohttp", "opentelemetry.instrumentation.aiohttp_client", "AioHttpClientInstrumentor"),
)


def instrument_clients() -> Callable[[], None]:
    """Instruments each client that is installed, and gives what undoes it.

    Where the package that can is missing, a warning says its name.
    """
    undo: list[Callable[[], object]] = []
    for client, module, name in _CLIENTS:
        if importlib.util.find_spec(client) is None:
            continue
        try:
            instrumentor = getattr(importlib.import_module(module), name)()
        except ImportError:
            package = module.replace(".", "-").replace("_", "-")
            _logger.warning(
                "Requests that the model makes with %s are in no trace: for that, install %s.",
                client,
                package,
            )
            continue
        instrumentor.instrument()
        undo.append(instrumentor.uninstrument)

    def uninstrument() -> None:
        for one in undo:
            one()

    return uninstrument
