"""The runtime parameters of text models that are read here, not by the code of the folder."""

from __future__ import annotations

from typing import Final

from drum_core.environment import environment, runtime_parameter
from drum_core.user.settings import Settings

__all__ = ["PROMPT_PARAMETER", "llm_id", "prompt_column", "text_parameter"]

PROMPT_PARAMETER: Final = "PROMPT_COLUMN_NAME"
"""The runtime parameter that names the column with the prompts."""


def prompt_column(settings: Settings) -> str:
    """The column in which a text model finds its prompts; `promptText` where none is named."""
    return text_parameter(PROMPT_PARAMETER, settings) or "promptText"


def llm_id(settings: Settings) -> str | None:
    """What the model is called in `/v1/models`, by the parameter LLM_ID."""
    return text_parameter("LLM_ID", settings)


def text_parameter(name: str, settings: Settings) -> str | None:
    """From the values file, else the environment, else the definition's default."""
    given = settings.parameters.get(name)
    if given is None:
        if text := runtime_parameter(name, environment()):
            return text
        given = settings.defaults.get(name)
    return str(given.payload) if given is not None and given.payload is not None else None
