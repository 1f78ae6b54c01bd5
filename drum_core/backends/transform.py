"""Transform models: the hook `transform`, or a scikit-learn transformer."""

from __future__ import annotations

from drum_core.errors import NotBuiltYetError
from drum_core.model.exchange import Transform
from drum_core.model.hooks import Hooks

__all__ = ["transform"]


def transform(hooks: Hooks, model: object) -> Transform:
    """The transformation of tables. Raises `ArtifactError` when the object is no transformer."""
    raise NotBuiltYetError("The target type 'transform'")
