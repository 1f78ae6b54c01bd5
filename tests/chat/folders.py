"""Model folders that chat: one with plain hooks, one with asynchronous ones, doing the same.

What they do is chosen by the `model` of the request.
"""

from __future__ import annotations

from pathlib import Path

from tests.model_folders import make_folder

REGRESSION = "name: chatty\ntype: inference\ntargetType: regression\n"

_COMMON = '''\
import asyncio
import os
import threading
import time
from contextvars import ContextVar
from pathlib import Path

from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types import Model

from drum_core import UserHTTPError

NOTES = Path(__file__).parent / "notes"
spoken_to = ContextVar("spoken_to", default="nobody")


def note(text):
    with NOTES.open("a") as file:
        file.write(f"{time.time():.3f} {text}\\n")


def get_supported_llm_models(model):
    return [Model(id="parrot", object="model", created=1, owned_by="tests"), {"no": "model"}]


def completion(params, **message):
    message = {"role": "assistant", "content": None, **message}
    return ChatCompletion.model_validate({
        "id": "one", "object": "chat.completion", "created": 1, "model": params["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7,
                  "completion_tokens_details": {"reasoning_tokens": 2}},
    })


def chunk(text, **more):
    return ChatCompletionChunk.model_validate({
        "id": "one", "object": "chat.completion.chunk", "created": 1, "model": "parrot",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}], **more,
    })


TOOL = {"id": "call_1", "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Zürich"}'}}


def whole(params, headers):
    """The answers that are no streams."""
    said = params["messages"][-1]["content"]
    match params["model"]:
        case "parrot":
            return completion(params, content=said)
        case "headers":
            return completion(params, content=headers["X-Told"])
        case "tools":
            return completion(params, tool_calls=[TOOL])
        case "dict":
            return completion(params, content=said).to_dict()
        case "refuse":
            raise UserHTTPError("not today", 429)
        case "fail":
            raise ValueError("the parrot is dead")
        case "exit":
            raise SystemExit(3)
        case "cancelled":
            raise asyncio.CancelledError
        case "number":
            return 7
    return None
'''

SYNC = (
    _COMMON
    + """

def chat(params, model, headers):
    spoken_to.set(params["messages"][-1]["content"])
    if params["model"] == "list":
        return [chunk("one "), chunk("two")]
    if params["model"] == "numbers":
        return [1, 2]
    if params["model"] == "later":
        return later(params)
    answer = whole(params, headers)
    return answer if answer is not None else stream(params)


async def later(params):
    await asyncio.sleep(0.01)
    return completion(params, content="later") if not params.get("stream") else stream_later()


async def stream_later():
    for word in ("la", "ter"):
        await asyncio.sleep(0)
        yield chunk(word)


def stream(params):
    kind = params["model"]
    thread = threading.get_ident()
    try:
        if kind == "broken":
            yield chunk("first")
            raise ValueError("the parrot fell off")
        if kind == "refused":
            yield chunk("first")
            raise UserHTTPError("no more", 429)
        if kind == "stillborn":
            raise ValueError("not one word")
        if kind == "words":
            for word in ("one ", "two ", "three"):
                yield chunk(word)
            yield chunk("", choices=[], usage={"prompt_tokens": 1, "completion_tokens": 3,
                                               "total_tokens": 4})
        if kind == "dicts":
            yield {"object": "chat.completion.chunk", "choices": [{"delta": {"content": "d"}}]}
        if kind == "context":
            for _ in range(3):
                yield chunk(spoken_to.get() + " ")
        if kind == "gate":
            yield chunk("first")
            for _ in range(500):
                if (NOTES.parent / "gate").exists():
                    yield chunk("opened")
                    return
                time.sleep(0.01)
            yield chunk("never opened")
        if kind == "endless":
            for _ in range(300):
                yield chunk("tick ")
                time.sleep(0.1)
    finally:
        same = "same thread" if thread == threading.get_ident() else "another thread"
        note(f"closed {kind} {params['messages'][-1]['content']} {same}")
"""
)

ASYNC = (
    _COMMON
    + """

async def load_model(code_dir):
    return {"lock": asyncio.Lock(), "loop": asyncio.get_running_loop(), "running": 0}


async def chat(params, model, **kwargs):
    spoken_to.set(params["messages"][-1]["content"])
    assert model["loop"] is asyncio.get_running_loop()
    async with model["lock"]:
        await asyncio.sleep(0)
    if params["model"] == "together":
        model["running"] += 1
        for _ in range(500):
            if model["running"] >= 5:
                break
            await asyncio.sleep(0.01)
        return completion(params, content=f"{model['running']} at once")
    if params["model"] == "hang":
        try:
            await asyncio.sleep(30)
        finally:
            note("cancelled hang " + params["messages"][-1]["content"])
    if params["model"] == "list":
        return [chunk("one "), chunk("two")]
    if params["model"] == "numbers":
        return [1, 2]
    if params["model"] == "lingering":
        return Lingering() if params["own"] else Lingering().items
    if params["model"] == "blocking":
        return blocking(params)
    answer = whole(params, kwargs["headers"])
    return answer if answer is not None else stream(params)


class Lingering:
    # A blocking stream whose chunks, and whose end, take their time.

    def __init__(self):
        self.items = self.make()

    def make(self):
        self.thread = threading.get_ident()
        try:
            yield chunk("first")
            time.sleep(0.5)
            yield chunk("second")
        finally:
            self.note("items")

    def note(self, what):
        same = "same thread" if self.thread == threading.get_ident() else "another thread"
        note(f"closed lingering {what} {same}")

    def __iter__(self):
        return self.items

    def close(self):
        self.note("source")


def blocking(params):
    thread = threading.get_ident()
    try:
        for word in ("one ", "two"):
            time.sleep(0.01)
            same = "same " if thread == threading.get_ident() else "another "
            yield chunk(word + same)
    finally:
        note("closed blocking")


async def stream(params):
    kind = params["model"]
    task = asyncio.current_task()
    try:
        if kind == "broken":
            yield chunk("first")
            raise ValueError("the parrot fell off")
        if kind == "refused":
            yield chunk("first")
            raise UserHTTPError("no more", 429)
        if kind == "stillborn":
            raise ValueError("not one word")
        if kind == "words":
            for word in ("one ", "two ", "three"):
                await asyncio.sleep(0)
                yield chunk(word)
            yield chunk("", choices=[], usage={"prompt_tokens": 1, "completion_tokens": 3,
                                               "total_tokens": 4})
        if kind == "dicts":
            yield {"object": "chat.completion.chunk", "choices": [{"delta": {"content": "d"}}]}
        if kind == "context":
            for _ in range(3):
                await asyncio.sleep(0)
                yield chunk(spoken_to.get() + " ")
        if kind == "gate":
            yield chunk("first")
            for _ in range(500):
                if (NOTES.parent / "gate").exists():
                    yield chunk("opened")
                    return
                await asyncio.sleep(0.01)
            yield chunk("never opened")
        if kind == "endless":
            for _ in range(300):
                yield chunk("tick ")
                await asyncio.sleep(0.1)
        if kind == "stuck":
            yield chunk("first")
            await asyncio.sleep(30)
    finally:
        await asyncio.sleep(0.01)  # cleaning up may take its time
        same = "same task" if task is asyncio.current_task() else "another task"
        note(f"closed {kind} {params['messages'][-1]['content']} {same}")
"""
)


def chat_folder(path: Path, custom: str) -> Path:
    """A regression folder with the hooks of `custom`."""
    return make_folder(path, metadata=REGRESSION, custom=custom)


def notes(folder: Path) -> list[str]:
    """What the hooks have noted, without the times."""
    file = folder / "notes"
    lines = file.read_text().splitlines() if file.exists() else []
    return [line.partition(" ")[2] for line in lines]
