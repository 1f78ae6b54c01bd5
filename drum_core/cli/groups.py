"""The headings of a command's help, and which option is under which."""

from __future__ import annotations

from typing import Final

from drum_core.options import OptionsBase, ReportOptions
from drum_core.options.container import ContainerOptions
from drum_core.options.flag import Option
from drum_core.options.processes import ProcessOptions
from drum_core.options.security import SecurityOptions
from drum_core.options.tls import TLSOptions

__all__ = ["GROUPS", "group_of"]

GROUPS: Final = ("required", "options", "security", "model", "container", "messages")


def group_of(options_class: type[OptionsBase], option: Option) -> str:
    """The heading for an option of `options_class`."""
    if option.flag.required:
        return "required"
    if option.name in {*options_class.__annotations__, *ReportOptions.__annotations__}:
        return "options"
    if option.name in ProcessOptions.__annotations__:
        return "options"
    if any(option.name in part.__annotations__ for part in (SecurityOptions, TLSOptions)):
        return "security"
    if option.name in ContainerOptions.__annotations__:
        return "container"
    return "messages" if option.name in OptionsBase.__annotations__ else "model"
