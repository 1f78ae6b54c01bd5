"""What is raised when the server behind this one does not answer as it should.

DrumError
└── UpstreamError            it cannot be reached, or what it says is no answer
    └── UpstreamBrokenError  it stopped in the middle of one
"""

from __future__ import annotations

from drum_core.errors import DrumError

__all__ = ["UpstreamBrokenError", "UpstreamError"]


class UpstreamError(DrumError):
    """Raised when the server at `address` cannot be asked; `problem` is a clause."""

    def __init__(self, address: str, problem: str) -> None:
        self.address: str = address
        super().__init__(
            f"The server behind this one, at {address}, {problem}. See that it runs, and that "
            "OPENAI_HOST and OPENAI_PORT name it."
        )


class UpstreamBrokenError(UpstreamError):
    """Raised in the middle of an answer; what came is not the whole."""
