"""Chats as a workload: each row of the input is a prompt, each answer a stream."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import orjson

from drum_core.data.input_file import read_input
from drum_core.errors import InputError, listed
from drum_core.load_test.workload import Body, Workload
from drum_core.model.text_parameters import PROMPT_PARAMETER, llm_id, prompt_column
from drum_core.monitoring.memory import available_memory

if TYPE_CHECKING:
    from drum_core.options.perf_test import PerfTestOptions
    from drum_core.user.settings import Settings

__all__ = ["chat_workload"]

_PATH: Final = "/chat/completions"
_MODEL: Final = "datarobot-deployed-llm"
_VARIANTS: Final = 64


def chat_workload(options: PerfTestOptions, settings: Settings) -> Workload:
    """Streamed chats of one message each: the prompts of the input, 64 at most, in turn.

    Raises `InputError` where the input has no prompts.
    """
    from drum_core.data.tables import read_table

    column = prompt_column(settings)
    payload = read_input(options.input, max_bytes=available_memory())
    table = read_table(dataclasses.replace(payload, text_columns=(column,)))
    if column not in table.columns:
        raise InputError(
            f"--chat sends the prompts in the column {column!r}; {options.input} has "
            f"{listed(table.columns)}. The runtime parameter {PROMPT_PARAMETER} names another."
        )
    prompts = [str(prompt) for prompt in table[column].dropna().head(_VARIANTS)]
    if not prompts:
        raise InputError(
            f"The input {options.input} has no prompts in the column {column!r}: give some rows."
        )
    model = llm_id(settings) or _MODEL
    bodies = tuple(_body(prompt, model) for prompt in prompts)
    return Workload(
        path=_PATH,
        name=options.input.name,
        media_type="application/json",
        header=b"",
        lines=(),
        whole=bodies[0].data,
        rows=None,
        features=None,
        as_form=False,
        answers="chat",
        chats=bodies,
    )


def _body(prompt: str, model: str) -> Body:
    message = {"role": "user", "content": prompt}
    content = orjson.dumps({"model": model, "messages": [message], "stream": True})
    return Body(content, "application/json", None)
