"""What model code gets from other packages, where these are installed: DRUM itself, werkzeug.

Nothing here imports them: user code that has one of their objects has imported them.
"""

from __future__ import annotations

import sys

from drum_core.errors import UserHTTPError
from drum_core.options.choices import TargetType
from drum_core.user.errors import HookBadRequestError, user_answer
from drum_core.user.stand_in import is_stand_in
from drum_core.user.tasks import CustomTaskInterface

__all__ = ["bad_request_of", "is_task_class", "real_parameters_in_use", "seen_as", "user_error_of"]

_EXCEPTIONS = "datarobot_drum.drum.exceptions"
_ENUM = "datarobot_drum.drum.enum"
_TASK = "datarobot_drum.custom_task_interfaces.custom_task_interface"


def user_error_of(error: BaseException) -> UserHTTPError | None:
    """The answer that user code chose by raising `error`; `None` when it chose none."""
    if isinstance(error, UserHTTPError):
        return error
    kind = _real(_EXCEPTIONS, "BaseCustomUserError")
    if kind is None or not isinstance(error, kind):
        return None
    found = UserHTTPError(str(error))
    found.status_code = getattr(error, "status_code", 400)
    status, message = user_answer(found)
    return UserHTTPError(message, status)


def bad_request_of(error: BaseException) -> HookBadRequestError | None:
    """A werkzeug exception with the code 400, in our words; `None` for anything else."""
    kind = _class("werkzeug.exceptions", "HTTPException")
    if kind is None or not isinstance(error, kind) or getattr(error, "code", None) != 400:
        return None
    return HookBadRequestError(str(getattr(error, "description", "") or error))


def is_task_class(value: object) -> bool:
    """Whether it is a class derived from our task interface, or from the real package's."""
    if not isinstance(value, type):
        return False
    real = _real(_TASK, "CustomTaskInterface")
    return issubclass(value, CustomTaskInterface) or (real is not None and issubclass(value, real))


def seen_as(target_type: TargetType) -> object:
    """The target type as user code compares it: a member of the enum it has imported."""
    real: object = _real(_ENUM, "TargetType")
    members: object = getattr(real, "__members__", {})
    if isinstance(members, dict) or hasattr(members, "values"):
        for member in members.values():
            if getattr(member, "value", None) == target_type.value:
                found: object = member
                return found
    return target_type


def real_parameters_in_use() -> bool:
    """Whether user code has imported the real package, which reads the environment only."""
    return "datarobot_drum" in sys.modules and not is_stand_in("datarobot_drum")


def _real(module: str, name: str) -> type | None:
    return None if is_stand_in(module) else _class(module, name)


def _class(module: str, name: str) -> type | None:
    found: object = getattr(sys.modules.get(module), name, None)
    return found if isinstance(found, type) else None
