"""`Flag`: all that is said about an option, in one place, beside its type and default."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, TypeAlias, get_args, get_origin, get_type_hints

__all__ = ["MASK", "Flag", "Option", "PathKind", "options_of"]

MASK: Final = "*****"

PathKind: TypeAlias = Literal["file", "directory", "absent", "any"]


@dataclass(frozen=True, kw_only=True)
class Flag:
    """How an option is given, and what it may be.

    `names` are its spellings on the command line, the long one last; with none, it can be set by
    the environment or from Python only. `env_fallback` is read where `env` is not set.
    `parameter` is a runtime parameter; with `parameter_wins` it beats flag and variable, which
    DRUM's platform relies on. `path` says what must be at a path; `choices` are the values taken,
    `minimum` and `maximum` are inclusive. The value of a `secret` one is never shown. Where
    `empty_counts`, a variable that is set to nothing is a value, and not the absence of one.
    """

    names: tuple[str, ...] = ()
    help: str
    env: str | None = None
    env_fallback: str | None = None
    parameter: str | None = None
    parameter_wins: bool = False
    required: bool = False
    choices: tuple[str, ...] | None = None
    metavar: str | None = None
    path: PathKind = "any"
    minimum: int | None = None
    maximum: int | None = None
    secret: bool = False
    empty_counts: bool = False

    @property
    def long(self) -> str:
        """The long spelling, empty for an option that is no flag."""
        return self.names[-1] if self.names else ""

    def shown(self, value: object) -> object:
        """The value as texts for people may have it."""
        return MASK if self.secret and value is not None else value


@dataclass(frozen=True)
class Option:
    """One option of a run mode: a field of its dataclass, with its `Flag`."""

    name: str
    type: object
    flag: Flag
    default: object = field(default=dataclasses.MISSING)

    @property
    def is_switch(self) -> bool:
        """Whether it takes no value on the command line."""
        return self.type is bool

    @property
    def is_list(self) -> bool:
        """Whether it takes several values."""
        return any(get_origin(part) is tuple for part in (self.type, *get_args(self.type)))


def options_of(cls: type[object]) -> tuple[Option, ...]:
    """The options of an options dataclass, in the order of their fields."""
    if not dataclasses.is_dataclass(cls):
        return ()
    hints = get_type_hints(cls, include_extras=True)
    found = []
    for item in dataclasses.fields(cls):
        hint = hints[item.name]
        if get_origin(hint) is Annotated:
            plain, *notes = get_args(hint)
            flag = next(note for note in notes if isinstance(note, Flag))
            found.append(Option(item.name, plain, flag, item.default))
    return tuple(found)
