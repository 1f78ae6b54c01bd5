"""What is raised when a limit of a server stops a request: its size, its time, its number.

RequestError
├── BodyTooLargeError      its body is over the limit
└── SlowBodyError          its body did not come in time
DrumError
├── BusyError              too many requests at a time
├── SpoolError             its body cannot be kept: the disk is full
├── DeadlineExceededError  the answer was not ready in time
└── ClientLeftError        nobody waits for the answer any more
"""

from __future__ import annotations

from drum_core.errors import DrumError, RequestError

__all__ = [
    "BodyTooLargeError",
    "BusyError",
    "ClientLeftError",
    "DeadlineExceededError",
    "SlowBodyError",
    "SpoolError",
]


class BodyTooLargeError(RequestError):
    """Raised when a request body is over the limit; the rest of it was not read."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            f"The request body is larger than the {limit} bytes this server takes. "
            f"Send fewer rows at a time, or start the server with a higher --max-body-size."
        )


class SlowBodyError(RequestError):
    """Raised when a request body stood still, or took too long in all; the rest was not read."""

    def __init__(self, seconds: float, *, idle: bool) -> None:
        self.seconds: float = seconds
        self.idle: bool = idle
        happened = "nothing of the request body came for" if idle else "the request body took over"
        setting = "--body-idle-timeout" if idle else "--body-timeout"
        super().__init__(
            f"{happened[0].upper()}{happened[1:]} {seconds:g} s. Send it faster, or start the "
            f"server with a higher {setting}."
        )


class SpoolError(DrumError):
    """Raised when a request body cannot be written to its temporary file."""

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"The request body cannot be kept: {error.strerror or error}. The server's disk may "
            "be full, or its --spool-dir of no use."
        )


class BusyError(DrumError):
    """Raised when as many requests are being answered as may be at a time.

    `retry_after` is in how many seconds it may be otherwise, where that is known.
    """

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        self.retry_after: int | None = retry_after
        super().__init__(message)


class DeadlineExceededError(DrumError):
    """Raised when an answer, or the next part of it, was not there in time.

    `seconds` is how long was waited.
    """

    def __init__(self, message: str, *, seconds: float) -> None:
        self.seconds: float = seconds
        super().__init__(message)


class ClientLeftError(DrumError):
    """Raised when the client has closed its connection before it was answered."""

    def __init__(self) -> None:
        super().__init__("The client has left.")
