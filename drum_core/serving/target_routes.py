"""Which route is for which kind of target, and what a request to another one is told.

No target, in the error server, is refused nothing here.
"""

from __future__ import annotations

from typing import assert_never

from drum_core.errors import RequestError
from drum_core.model.target import (
    TableTarget,
    Target,
    TransformTarget,
    UnstructuredTarget,
)
from drum_core.options.choices import TargetType

__all__ = ["require_table", "require_transform", "require_unstructured"]


def require_table(target: Target | None) -> None:
    """Raises `RequestError` for a target that is not predicted row by row."""
    if isinstance(target, (UnstructuredTarget, TransformTarget)):
        raise _elsewhere(target)


def require_transform(target: Target | None) -> None:
    """Raises `RequestError` for a target that is no transformation."""
    if target is not None and not isinstance(target, TransformTarget):
        raise _elsewhere(target)


def require_unstructured(target: Target | None) -> None:
    """Raises `RequestError` for a target that takes tables only."""
    if target is None or target.type in (TargetType.UNSTRUCTURED, TargetType.TEXT_GENERATION):
        return
    raise _elsewhere(target)


def _elsewhere(target: Target) -> RequestError:
    """The text is matched by clients of DRUM, as it is."""
    if isinstance(target, UnstructuredTarget):
        paths = "/predictUnstructured/ or /predictionsUnstructured/"
    elif isinstance(target, TransformTarget):
        paths = "/transform/"
    elif isinstance(target, TableTarget):
        paths = "/predict/ or /predictions/"
    else:
        assert_never(target)
    return RequestError(
        f"This model has target type {target.type.value!r}, use the {paths} endpoint."
    )
