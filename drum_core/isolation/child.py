"""The process of a model: loads it, does what its worker asks, and ends with it."""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import queue
import resource
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from drum_core.isolation.errors import carried
from drum_core.isolation.messages import (
    Answer,
    Answered,
    Call,
    ChatCall,
    Chunk,
    Ended,
    Failed,
    Left,
    Loaded,
    Next,
    Start,
    Stop,
    packed,
)
from drum_core.logs import logs_shown
from drum_core.model.exchange import ChatRequest, Completion, CompletionChunks
from drum_core.own_process import end_with
from drum_core.process_end import end_process
from drum_core.serving.request_id import current_request_id
from drum_core.worker import LocalWorker

if TYPE_CHECKING:
    from drum_core.model.model import Model
    from drum_core.options.server import ServerOptions

__all__ = ["main"]

_ABILITIES: Final = ("predict", "transform", "unstructured", "chat", "list_models")
_FIRST_TO_GO: Final = "500"
"""Where memory is short, the kernel ends the model and not the worker; see proc(5)."""


def main(words: Sequence[str]) -> None:
    """Serves one worker: `words` are the descriptor of a socket, and the worker's process id."""
    descriptor, parent = map(int, words)
    for number in (signal.SIGINT, signal.SIGTERM):  # a group gets them; the worker decides
        signal.signal(number, signal.SIG_IGN)
    end_with(parent, signal.SIGKILL)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
    pipe = Connection(descriptor)
    start = pickle.loads(pipe.recv_bytes())
    assert isinstance(start, Start)
    options = start.options
    with logs_shown(options.logging_level, verbose=options.verbose, form=options.log_format):
        _serve(pipe, options)
    end_process(0)


def _serve(pipe: Connection, options: ServerOptions) -> None:
    with LocalWorker() as worker:
        try:
            model = _load(options, worker)
        except BaseException as error:  # also what a hook may do, such as sys.exit()
            pipe.send_bytes(packed(Failed(carried(error))))
            return
        gc.collect()
        gc.freeze()
        pipe.send_bytes(packed(_loaded(model)))
        _Desk(pipe, model).work()


def _load(options: ServerOptions, worker: LocalWorker) -> Model:
    from drum_core.model.folder import open_folder
    from drum_core.model.load import load_model, mask_secrets
    from drum_core.model.target import resolve_target
    from drum_core.monitoring.mlops import connect_api
    from drum_core.user.masking import TELLING, mask_output

    tokens = [token for token in options.server_tokens() if len(token) >= TELLING]
    worker.defer_cleanup(mask_output(tokens), order=-200, desc="end masking of tokens")
    folder = open_folder(options)
    mask_secrets(folder, worker)
    if options.allow_dr_api_access:
        connect_api(options)
    return load_model(folder, resolve_target(options, folder.metadata), worker)


def _loaded(model: Model) -> Loaded:
    abilities = frozenset(name for name in _ABILITIES if getattr(model, name) is not None)
    try:
        models = [] if model.list_models is None else model.list_models()
    except Exception as error:
        return Loaded(info=model.info, abilities=abilities, models=carried(error))
    return Loaded(info=model.info, abilities=abilities, models=models)


class _Desk:
    """Takes calls, one at a time, in the main thread."""

    def __init__(self, pipe: Connection, model: Model) -> None:
        self._pipe = pipe
        self._model = model
        self._asked: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._left = -1

    def work(self) -> None:
        """Until it is told to stop; the process ends at once when its worker is gone."""
        threading.Thread(target=self._read, name="drum-isolated-read", daemon=True).start()
        while not isinstance(call := self._asked.get(), Stop):
            if isinstance(call, Call):
                token = current_request_id.set(call.request_id)
                try:
                    self._answer(call)
                finally:
                    current_request_id.reset(token)

    def _read(self) -> None:
        """Reads also while the model works: its client may leave, and its worker may die."""
        try:
            while True:
                message: object = pickle.loads(self._pipe.recv_bytes())
                if isinstance(message, Left):
                    self._left = message.number
                else:
                    self._asked.put(message)
        except (EOFError, OSError):
            os._exit(1)

    def _say(self, answer: Answer) -> None:
        self._pipe.send_bytes(packed(answer))

    def _answer(self, call: Call) -> None:
        try:
            value = self._called(call)
        except BaseException as error:
            self._say(Failed(carried(error)))
            return
        if isinstance(value, CompletionChunks):
            self._say(Answered(None, _peak_memory(), streams=True))
            self._stream(value)
        else:
            self._say(Answered(value, _peak_memory()))

    def _called(self, call: Call) -> object:
        if call.ability != "chat":
            return getattr(self._model, call.ability)(*call.arguments)
        asked = cast("ChatCall", call.arguments[0])
        assert self._model.chat is not None
        answer = self._model.chat.answer(
            ChatRequest(
                params=asked.params,
                headers=asked.headers,
                association_id=asked.association_id,
                abandoned=lambda: self._left == call.number,
            )
        )
        return answer.content if isinstance(answer, Completion) else answer

    def _stream(self, answer: CompletionChunks) -> None:
        chunks = iter(answer.chunks)
        while isinstance(self._asked.get(), Next):
            self._say(_next(chunks))
        try:  # it was Close
            answer.close()
        except BaseException as error:
            self._say(Failed(carried(error)))
        else:
            self._say(Ended())


def _next(chunks: Iterator[bytes]) -> Answer:
    try:
        return Chunk(next(chunks))
    except StopIteration:
        return Ended()
    except BaseException as error:
        return Failed(carried(error))


def _peak_memory() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
