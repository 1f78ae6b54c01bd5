"""DRUM's exceptions under their own names, for model code that raises or catches them."""

from __future__ import annotations

from drum_core.errors import DrumError, UserHTTPError
from drum_core.user.errors import TaskSerializationError

__all__ = [
    "BaseCustomUserError",
    "CustomHTTPError",
    "DrumCommonException",
    "DrumException",
    "DrumFormatSchemaException",
    "DrumPerfTestOOM",
    "DrumPerfTestTimeout",
    "DrumPredException",
    "DrumRootComponentException",
    "DrumSchemaValidationException",
    "DrumSerializationError",
    "DrumTransformException",
    "UnrecoverableConfigurationError",
    "UnrecoverableError",
]

DrumException = DrumError
DrumSerializationError = TaskSerializationError


class BaseCustomUserError(UserHTTPError):
    """The base of errors whose text is the answer; status 400 unless it has a `status_code`."""

    def __init__(self, *args: object) -> None:
        Exception.__init__(self, *args)


class CustomHTTPError(BaseCustomUserError):
    """Raise it in a hook to choose the HTTP status and the message of the answer."""

    def __init__(
        self, message: str = "The model refused the request.", status_code: int = 400
    ) -> None:
        super().__init__(message)
        self.message: str = message
        self.status_code = status_code


class DrumCommonException(DrumError):
    """Something is wrong with the model folder or its options."""


class DrumFormatSchemaException(DrumError):
    """model-metadata.yaml is not as it must be."""


class DrumSchemaValidationException(DrumError):
    """Data do not fit the type schema of the folder."""


class DrumTransformException(DrumError):
    """A transformation failed."""


class DrumPredException(DrumError):
    """A prediction failed."""


class DrumRootComponentException(DrumError):
    """The runtime failed."""


class DrumPerfTestTimeout(DrumError):
    """A performance test took too long."""


class DrumPerfTestOOM(DrumError):
    """A performance test needed too much memory."""


class UnrecoverableError(DrumError):
    """The process cannot go on."""


class UnrecoverableConfigurationError(UnrecoverableError):
    """The process cannot go on, because it is set up wrongly."""
