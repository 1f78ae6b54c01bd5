"""How the result of `drum push` is shown."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from drum_core.cli import console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drum_core.results import PushResult
    from drum_core.results.push import PushCall

__all__ = ["show_push"]


def show_push(result: PushResult) -> None:
    """Prints what was sent, where it is, and what to do next; or what would be sent."""
    lines = _planned(result) if result.dry_run else _done(result)
    terminal = console.terminal(sys.stdout)
    for line in lines:
        if terminal is None:
            console.print_line(line)
        else:
            # Never broken into lines: addresses and ids are there to be copied.
            terminal.print(line, soft_wrap=True, style=_style(line))


def _style(line: str) -> str:
    if line.startswith(("http://", "https://")):
        return "cyan"
    return "" if line.startswith(" ") else "bold"


def _done(result: PushResult) -> Iterator[str]:
    what = "task" if result.kind == "training" else "model"
    yield f"The custom {what} {result.model_id} {'is created' if result.created else 'was there'}."
    yield (
        f"Its version {result.version_id} is uploaded in {result.upload_seconds:.1f} s: "
        f"{_files(result)}."
    )
    if result.left_out:
        yield f"  left out: {', '.join(result.left_out)}"
    if result.created:
        yield "To add a version to it next time, add this line to model-metadata.yaml:"
        yield f"  modelID: {result.model_id}"
    if result.blueprint_id:
        yield f"Its blueprint is {result.blueprint_id}."
    if result.url:
        yield result.url
    if result.training_url:
        yield f"The project trains it as the model {result.trained_model_id}:"
        yield result.training_url


def _planned(result: PushResult) -> Iterator[str]:
    yield "Dry run: nothing was run, and nobody was contacted."
    yield f"First, on this machine: {result.check}"
    where = result.endpoint or "the address that DATAROBOT_ENDPOINT would give; it is not set"
    yield f"Then {len(result.calls)} calls to {where}, with {_files(result)}:"
    for number, call in enumerate(result.calls, 1):
        yield from _call(number, call)
    if result.left_out:
        yield f"Left out: {', '.join(result.left_out)}"


def _call(number: int, call: PushCall) -> Iterator[str]:
    yield f"{number}. {call.method} {call.url}"
    form = ", as a form" if call.multipart else ""
    yield f"     to {call.purpose}{form}"
    for name, value in call.fields.items():
        yield f"     {name}: {json.dumps(value, ensure_ascii=False)}"
    width = max((len(f"{file.size:,}") for file in call.files), default=0)
    for file in call.files:
        yield f"     file {file.size:>{width},} bytes  {file.path}"


def _files(result: PushResult) -> str:
    count = len(result.files)
    return f"{count:,} file{'' if count == 1 else 's'}, {result.size:,} bytes"
