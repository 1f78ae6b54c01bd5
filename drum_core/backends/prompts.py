"""Predicting with a chat model: each row of a table is a prompt of its own."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from drum_core.backends.prediction import read_data
from drum_core.data.payload import Payload
from drum_core.data.predictions import PREDICTIONS, Predictions
from drum_core.errors import InputError, PredictionError, listed
from drum_core.model.exchange import (
    Chat,
    ChatRequest,
    Completion,
    Predict,
)
from drum_core.model.hooks import Hooks
from drum_core.model.text_parameters import PROMPT_PARAMETER, prompt_column

if TYPE_CHECKING:
    from pandas import Series

__all__ = ["predict_by_chat"]


def predict_by_chat(hooks: Hooks, chat: Chat) -> Predict:
    """Predictions that are the chat's answers to the prompts in a table, one a row."""

    def predict(payload: Payload) -> Predictions:
        import numpy as np

        column = prompt_column(hooks.code.settings)
        data = read_data(hooks, dataclasses.replace(payload, text_columns=(column,)))
        prompts = _prompts(data, column)
        texts = [_answered(chat, prompt) for prompt in prompts]
        values = np.array(texts, dtype=object).reshape(-1, 1)
        return Predictions(values=values, columns=(PREDICTIONS,))

    return predict


def _prompts(data: object, column: str) -> Series[str]:
    """Raises `InputError` when the column of the prompts is not there."""
    import pandas as pd

    if not isinstance(data, pd.DataFrame):
        raise InputError(
            "A chat model is scored on a table of prompts; the hook read_input_data returned "
            f"{type(data).__name__}."
        )
    if column not in data.columns:
        raise InputError(
            f"A chat model is scored on the prompts in the column {column!r}; the input has "
            f"{listed(data.columns)}. The runtime parameter {PROMPT_PARAMETER} names another."
        )
    found = data[column].astype(object)  # as a category has no place for an empty text
    return found.where(found.notna(), "").map(str)


def _answered(chat: Chat, prompt: str) -> str:
    answer = chat.answer(
        ChatRequest(
            params={"messages": [{"role": "user", "content": prompt}]},
            association_id=str(uuid.uuid4()),
        )
    )
    if isinstance(answer, Completion):
        return _content(answer.content, "message")
    try:
        return "".join(_content(json.loads(chunk), "delta") for chunk in answer.chunks)
    finally:
        answer.close()


def _content(content: object, part: str) -> str:
    """The text in the first choice of an answer; empty when there is none, as in a tool call."""
    choices = content.get("choices") if isinstance(content, Mapping) else None
    if not isinstance(choices, Sequence) or not choices:
        if part == "delta":
            return ""  # a chunk that only tells the usage
        raise PredictionError("The chat's answer has no choices, so no text to score.")
    message = choices[0].get(part) if isinstance(choices[0], Mapping) else None
    text = message.get("content") if isinstance(message, Mapping) else None
    return text if isinstance(text, str) else ""
