"""What is raised when the process of a model dies, and how errors come out of it."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field

from drum_core.errors import DrumError, HookFailedError, PredictionError, UserHTTPError
from drum_core.user.errors import user_answer

__all__ = ["CarriedError", "ModelProcessError", "TraceError", "carried"]


class ModelProcessError(PredictionError):
    """Raised when the process of the model ended while it answered; another takes its place."""

    def __init__(self, ended: str, *, out_of_memory: bool = False) -> None:
        self.out_of_memory: bool = out_of_memory
        memory = " The kernel has ended it for want of memory." if out_of_memory else ""
        super().__init__(
            f"The process of the model {ended} while it answered this request.{memory} It is "
            "started anew; other requests are not affected."
        )


class TraceError(Exception):
    """Stands for what user code raised in another process; its text is the traceback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedError:
    """An error as it crosses processes: its class, if everybody has it, and what it holds.

    The arguments of `__init__` are not known any more, so it is not called again.
    """

    kind: type[Exception]
    arguments: tuple[object, ...]
    state: Mapping[str, object]
    trace: str = field(repr=False, default="")

    def restored(self) -> Exception:
        """The error, for who raises it here."""
        error = self.kind.__new__(self.kind)
        error.args = self.arguments
        vars(error).update(self.state)
        if self.trace:
            error.__cause__ = TraceError(self.trace)
        return error


def carried(error: BaseException) -> CarriedError:
    """What is left of `error` when it crosses to a process that does not know the model's code.

    An answer of the hook's choice keeps its status and text; errors of ours keep all they hold.
    Anything else is an unexpected error there as here, with its traceback.
    """
    if isinstance(error, UserHTTPError):
        status, message = user_answer(error)
        state = {"message": message, "status_code": status}
        return CarriedError(kind=UserHTTPError, arguments=(message,), state=state)
    cause = error.__cause__ if isinstance(error, HookFailedError) else None
    trace = "" if cause is None else _text(cause)
    if isinstance(error, DrumError) and type(error).__module__.startswith("drum_core."):
        state = {name: value for name, value in vars(error).items() if _is_plain(value)}
        return CarriedError(kind=type(error), arguments=(str(error),), state=state, trace=trace)
    if isinstance(error, DrumError):
        return CarriedError(kind=DrumError, arguments=(str(error),), state={}, trace=trace)
    return CarriedError(kind=TraceError, arguments=(_text(error),), state={})


def _is_plain(value: object) -> bool:
    try:
        pickle.dumps(value)
    except Exception:
        return False
    return getattr(type(value), "__module__", "").partition(".")[0] in (
        "builtins",
        "pathlib",
        "drum_core",
    )


def _text(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip()
