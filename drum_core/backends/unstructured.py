"""Unstructured models: the hook `score_unstructured`, whatever it takes and gives."""

from __future__ import annotations

from drum_core.errors import NotBuiltYetError
from drum_core.model.exchange import Unstructured
from drum_core.model.hooks import Hooks

__all__ = ["unstructured"]


def unstructured(hooks: Hooks, model: object) -> Unstructured:
    """The hook as a function of the request. Raises `HookError` when there is none."""
    raise NotBuiltYetError("The target type 'unstructured'")
