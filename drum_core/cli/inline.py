"""`drum_inline_predictor`: a model folder run in this process, under the name DRUM gives it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from drum_core.cli.parser import parse
from drum_core.cli.resolve import resolve
from drum_core.data.payload import CSV, Payload
from drum_core.environment import environment
from drum_core.errors import DrumError, OptionError
from drum_core.messages import Headers
from drum_core.model.exchange import (
    ASSOCIATION_ID,
    ChatRequest,
    Completion,
    UnstructuredRequest,
)
from drum_core.model.folder import open_folder
from drum_core.model.load import load_model, mask_secrets
from drum_core.model.target import resolve_target
from drum_core.monitoring.mlops import monitored, start_monitoring
from drum_core.options import ScoreOptions
from drum_core.options.flag import options_of
from drum_core.worker import LocalWorker

if TYPE_CHECKING:
    from pandas import DataFrame

    from drum_core.model.model import Model

__all__ = ["InlinePrediction", "InlinePredictor", "drum_inline_predictor"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class InlinePrediction:
    """Predictions, and what the model returned beside them."""

    predictions: DataFrame
    extra_model_output: DataFrame | None


class InlinePredictor:
    """A loaded model. A method raises `DrumError` for what the model cannot do."""

    def __init__(self, model: Model, info: Mapping[str, object]) -> None:
        self._model = model
        self._info = info

    def predict(self, *, binary_data: bytes, mimetype: str = CSV) -> InlinePrediction:
        """Predicts on a table."""
        found = _able(self._model.predict, "predict")(_payload(binary_data, mimetype))
        frame = replace(found, extra=None).frame()
        return InlinePrediction(predictions=frame, extra_model_output=found.extra)

    def transform(self, *, binary_data: bytes, mimetype: str = CSV) -> DataFrame:
        """Transforms a table."""
        payload = _payload(binary_data, mimetype)
        return _able(self._model.transform, "transform")(payload, None).dense()

    def predict_unstructured(
        self, data: bytes | str, *, mimetype: str = "text/plain", charset: str = "utf-8"
    ) -> bytes | str | None:
        """Runs an unstructured model; a text comes back as a text."""
        raw = data.encode(charset) if isinstance(data, str) else data
        request = UnstructuredRequest(data=raw, content_type=f"{mimetype}; charset={charset}")
        answer = _able(self._model.unstructured, "run on unstructured data")(request)
        if answer.is_none:
            return None
        return answer.data.decode(answer.charset or "utf-8") if answer.is_text else answer.data

    def chat(
        self, params: Mapping[str, object], headers: Mapping[str, str] | None = None
    ) -> Mapping[str, object] | Iterator[bytes]:
        """Answers a chat request: a completion, or the JSON texts of its chunks."""
        request = ChatRequest(
            params=params,
            headers=Headers((headers or {}).items()),
            association_id=str(params.get(ASSOCIATION_ID) or uuid.uuid4()),
        )
        answer = _able(self._model.chat, "chat").answer(request)
        return answer.content if isinstance(answer, Completion) else answer.chunks

    def get_supported_llm_models(self) -> list[Mapping[str, object]]:
        """The models that the folder offers for chat."""
        return [] if self._model.list_models is None else self._model.list_models()

    def model_info(self) -> Mapping[str, object]:
        """Folder, target type, language and framework."""
        return self._info


@contextmanager
def drum_inline_predictor(
    target_type: str, custom_model_dir: str, target_name: str, *cmd_args: str
) -> Iterator[InlinePredictor]:
    """The model of a folder, loaded; what it holds is given back at the end.

    `cmd_args` are options of `drum score`. Raises `SystemExit` for wrong ones, after saying what
    is wrong, and `DrumError` for a folder that is not a model.
    """
    words = ["score", "--target-type", target_type, "--code-dir", custom_model_dir]
    command = parse([*words, "--input", custom_model_dir, *cmd_args])
    if command.unbuilt:
        command.parser.error(f"{' '.join(command.unbuilt)} is not built yet")
    variables = {**environment(), **({"TARGET_NAME": target_name} if target_name else {})}
    fields = tuple(item for item in options_of(ScoreOptions) if item.name != "input")
    try:
        resolved = resolve(fields, command.given, variables)
        # It must be a file, and is never read.
        resolved.values["input"] = __file__
        options = ScoreOptions(**resolved.values, sources=resolved.sources)  # type: ignore[arg-type]  # checked when built
    except OptionError as error:
        command.parser.error(str(error))
    if options.docker is not None:
        command.parser.error("--docker runs a command in a container; this model is loaded here")
    folder = open_folder(options)
    target = resolve_target(options, folder.metadata)
    with LocalWorker() as worker:
        mask_secrets(folder, worker)
        monitoring = start_monitoring(options, target, folder.settings, worker)
        model = monitored(load_model(folder, target, worker), monitoring)
        info = {
            "codeDir": os.fspath(folder.path),
            "targetType": target.type.value,
            "language": model.info.language.value,
            "predictor": model.info.predictor,
        }
        yield InlinePredictor(model, info)


def _able(ability: T | None, what: str) -> T:
    if ability is None:
        raise DrumError(f"This model cannot {what}.")
    return ability


def _payload(data: bytes, mimetype: str) -> Payload:
    return Payload(data=data, media_type=mimetype.partition(";")[0].strip().lower() or CSV)
