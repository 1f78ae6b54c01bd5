"""What the code of one model folder is given from outside, and how the code that asks is known.

Several models may run in one process, and each has parameters and secrets of its own. Who asks is
told by the call stack: the modules of a folder carry its settings. That holds in every thread, in
generators that run long after their hook has returned, and in coroutines. Code of another origin
that runs without any of the folder's own on the stack is told by a context variable, and code
that belongs to no model gets the settings that say nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

    from drum_core.user.parameters import Parameter
    from drum_core.user.secrets import Secret

__all__ = [
    "HOOKS_MARK",
    "NEIGHBOUR_MARK",
    "Settings",
    "asking",
    "here",
    "settings_here",
    "user_secrets",
]

HOOKS_MARK: Final = "__drum_settings__"
"""Where custom.py has the settings of its folder."""

NEIGHBOUR_MARK: Final = "__drum_neighbour_settings__"
"""Where the modules beside it have them; these may outlive the model that imported them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Runtime parameters and secrets of a model.

    `parameters` are those of a values file, defaults included; all others are looked up in the
    environment. `defaults` are those of the definitions, where there is no such file.
    """

    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    defaults: Mapping[str, Parameter] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    importable: Callable[[], AbstractContextManager[None]] = field(
        default=nullcontext, repr=False, compare=False
    )
    """Inside it, the folder's modules are importable by name, as a pickle needs."""
    remarks: tuple[str, ...] = ()
    """What the log has to be told about them."""


_NONE: Final = Settings()
_HERE: Final[ContextVar[Settings]] = ContextVar("drum_settings", default=_NONE)


def here() -> Settings:
    """The settings that `settings_here` has set, else those that say nothing."""
    return _HERE.get()


@contextmanager
def settings_here(settings: Settings) -> Iterator[None]:
    """Inside, code that is not of any folder belongs to the model of `settings`."""
    token = _HERE.set(settings)
    try:
        yield
    finally:
        _HERE.reset(token)


def asking() -> Settings:
    """The settings of the model whose code calls."""
    neighbour: object = None
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        names = frame.f_globals
        if isinstance(found := names.get(HOOKS_MARK), Settings):
            return found
        neighbour = neighbour or names.get(NEIGHBOUR_MARK)
        frame = frame.f_back
    return neighbour if isinstance(neighbour, Settings) else _HERE.get()


def user_secrets() -> Mapping[str, Secret]:
    """The user secrets of the model whose code calls, by name."""
    return asking().secrets
