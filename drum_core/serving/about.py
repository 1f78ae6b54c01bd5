"""What the server tells about the model and about itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drum_core.data.formats import available_formats
from drum_core.messages import Request, Response
from drum_core.model.folder import ModelFolder
from drum_core.model.metadata import read_metadata
from drum_core.model.runtime_parameters import masked_metadata
from drum_core.model.target import BinaryTarget, MulticlassTarget, MultilabelTarget, Target
from drum_core.monitoring.memory import memory_info, process_info
from drum_core.serving.answers import json_response
from drum_core.serving.lifecycle import Lifecycle
from drum_core.serving.stats import Stats
from drum_core.version import __version__

__all__ = ["About"]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """`/info/`, `/capabilities/` and `/stats/` of one model.

    `folder` and `target` are `None` when the folder is not a model, which only the error server
    serves. `pids` are the processes of the server that have a model.
    """

    lifecycle: Lifecycle
    folder: ModelFolder | None
    target: Target | None
    server_type: str
    stats: Stats
    pids: Callable[[], Sequence[int]]

    def info(self, _request: Request) -> Response:
        """The model and where it runs; the metadata are read anew each time."""
        model = self.lifecycle.model()
        if self.folder is None or self.target is None:
            raise self.lifecycle.unready()
        read = read_metadata(self.folder.path)
        content: dict[str, object] = {
            "codeDir": str(self.folder.path),
            "targetType": self.target.type.value,
            "language": model.info.language.value,
            "predictor": model.info.predictor,
            "drumVersion": __version__,
            "drumServer": self.server_type,
            "modelMetadata": masked_metadata(read[1].content) if read else None,
        }
        match self.target:
            case BinaryTarget(positive=positive, negative=negative):
                content.update(positiveClassLabel=positive, negativeClassLabel=negative)
            case MulticlassTarget(labels=labels) | MultilabelTarget(labels=labels):
                content["classLabels"] = list(labels)
            case _:
                pass
        return json_response(content)

    def capabilities(self, _request: Request) -> Response:
        """The formats and methods the model takes."""
        model = self.lifecycle.model()
        return json_response(
            {
                "supported_payload_formats": dict.fromkeys(available_formats()),
                "supported_methods": {"chat": model.chat is not None},
            }
        )

    def statistics(self, _request: Request) -> Response:
        """Memory and prediction times of all workers."""
        pids = self.pids()
        return json_response(
            {
                "mem_info": memory_info(pids),
                "drum_info": [process_info(pid) for pid in pids],
                "time_info": {"run_predictor_total": self.stats.times()},
            }
        )
