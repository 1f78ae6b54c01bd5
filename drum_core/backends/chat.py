"""Chat: the hooks `chat` and `get_supported_llm_models`, or a text model behind them."""

from __future__ import annotations

from drum_core.model.exchange import Chat, ListModels
from drum_core.model.hooks import Hooks

__all__ = ["chat", "list_models"]


def chat(hooks: Hooks, model: object) -> Chat | None:
    """The chat hook as a function of the request; `None` when there is none."""
    return None


def list_models(hooks: Hooks, model: object) -> ListModels | None:
    """The models that the hook lists; `None` when there is no such hook."""
    return None
