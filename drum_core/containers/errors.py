"""What goes wrong between here and a container.

DrumError
└── ContainerError             a container cannot be built, started, or run to its end
"""

from __future__ import annotations

from drum_core.errors import DrumError

__all__ = ["ContainerError"]


class ContainerError(DrumError):
    """Raised when a run in a container is not possible, or the container was killed."""
