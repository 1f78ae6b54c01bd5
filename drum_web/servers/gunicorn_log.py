"""What gunicorn says, in the form of all else that the process logs."""

from __future__ import annotations

import logging

from gunicorn.config import Config
from gunicorn.glogging import Logger
from typing_extensions import override

__all__ = ["ServerLog"]


class ServerLog(Logger):  # type: ignore[misc] # gunicorn publishes no types
    """A logger without handlers of its own, where the program has some."""

    @override
    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        if logging.getLogger().handlers:
            for handler in list(self.error_log.handlers):
                self.error_log.removeHandler(handler)
            self.error_log.propagate = True
