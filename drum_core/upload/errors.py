"""What goes wrong between here and DataRobot.

DrumError
└── PushError                  a folder cannot be pushed, or DataRobot does not take it
    └── ServiceError           DataRobot refused a call, or could not be asked
"""

from __future__ import annotations

from drum_core.errors import DrumError

__all__ = ["PushError", "ServiceError"]


class PushError(DrumError):
    """Raised when a folder cannot be pushed; nothing was sent unless it is a `ServiceError`."""


class ServiceError(PushError):
    """Raised when DataRobot refused a call, or could not be reached.

    `status` is the HTTP status; `None` where no answer came. `passing` says that the same call
    may succeed later, and `retry_after` after how many seconds, if the service said so.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        passing: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status: int | None = status
        self.passing: bool = passing
        self.retry_after: float | None = retry_after
