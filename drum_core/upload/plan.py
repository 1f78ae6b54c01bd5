"""The calls by which a model folder comes to DataRobot, in order, before any is made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import quote

from drum_core.model.metadata import METADATA_FILE
from drum_core.model.target import BinaryTarget, MulticlassTarget
from drum_core.options.choices import TargetType
from drum_core.results.push import PushCall, PushFile
from drum_core.upload.errors import PushError

if TYPE_CHECKING:
    from drum_core.model.metadata import Metadata
    from drum_core.model.target import Target
    from drum_core.results.report import JSON
    from drum_core.upload.files import FolderFiles

__all__ = ["Answer", "Call", "Later", "calls_of", "check_metadata"]

TARGET_TYPES: Final = {
    TargetType.REGRESSION: "Regression",
    TargetType.BINARY: "Binary",
    TargetType.MULTICLASS: "Multiclass",
    TargetType.ANOMALY: "Anomaly",
}
"""The target types that can be pushed, as the API calls them."""

_DESCRIPTION: Final = "Pushed from DRUM"


@dataclass(frozen=True, slots=True)
class Later:
    """Stands for what an earlier call will have answered."""

    name: str


Answer: TypeAlias = Mapping[str, str]
"""What has been answered so far, by the names that `Later` uses."""

Value: TypeAlias = "JSON | Later | tuple[Later, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that is to be made. `path` is relative to the endpoint, in parts.

    `gives` is the name of what it answers, if that is needed later; `at` says where in the
    answer it is: a member of its JSON object, or the last part of the `Location`.
    """

    purpose: str
    method: str = "POST"
    path: tuple[str | Later, ...]
    fields: Mapping[str, Value] = field(default_factory=dict)
    files: FolderFiles | None = None
    multipart: bool = False
    gives: str = ""
    at: str = "id"

    def address(self, answers: Answer) -> str:
        """The path, with what has been answered; that of a dry run where it has not."""
        parts = (
            quote(_filled(part, answers), safe="<>") if isinstance(part, Later) else quote(part)
            for part in self.path
        )
        return "/".join(parts) + "/"

    def body(self, answers: Answer) -> dict[str, JSON]:
        """The fields, with what has been answered."""
        return {name: _json(value, answers) for name, value in self.fields.items()}

    def shown(self, endpoint: str | None, answers: Answer) -> PushCall:
        """The call as a user gets to see it."""
        sizes = self.files.sizes if self.files else {}
        address = self.address(answers)
        return PushCall(
            method=self.method,
            url=f"{endpoint.rstrip('/')}/{address}" if endpoint else address,
            purpose=self.purpose,
            fields=self.body(answers),
            files=tuple(PushFile(path, size) for path, size in sizes.items()),
            multipart=self.multipart,
        )


def check_metadata(metadata: Metadata | None) -> Metadata:
    """The metadata, if they say all that a push needs. Raises `PushError`."""
    if metadata is None:
        raise PushError(
            f"drum push needs a {METADATA_FILE} in the model folder, which says what to upload and "
            "as what: the keys name, type, targetType, environmentID and validation."
        )
    if metadata.type not in ("training", "inference"):
        raise PushError(
            f"{METADATA_FILE}: type is {metadata.type!r}; only an 'inference' model or a "
            "'training' task can be pushed."
        )
    if TargetType(metadata.target_type) not in TARGET_TYPES:
        known = ", ".join(kind.value for kind in TARGET_TYPES)
        raise PushError(
            f"{METADATA_FILE}: targetType is {metadata.target_type!r}; only {known} can be pushed."
        )
    if missing := list(_missing(metadata)):
        raise PushError(
            f"{METADATA_FILE} does not say all that drum push needs. Missing keys: {missing!r}. "
            "What each is for: docs/push.md."
        )
    for key, value in (("modelID", metadata.model_id), ("trainOnProject", _project(metadata))):
        if value is not None and not re.fullmatch(r"[\w-]+", value):
            raise PushError(
                f"{METADATA_FILE}: {key} must be an id as DataRobot shows it, of letters and "
                f"digits; got {value!r}."
            )
    return metadata


def _missing(metadata: Metadata) -> Iterator[str]:
    """One section at a time, as its keys mean nothing without it."""
    if metadata.environment_id is None:
        yield "environmentID"
    if metadata.validation is None:
        yield "validation"
    elif _needs_target(metadata) and metadata.validation.target_name is None:
        yield "targetName"
    if metadata.type == "inference":
        if metadata.inference_model is None:
            yield "inferenceModel"
        elif metadata.inference_model.target_name is None:
            yield "targetName"


def _needs_target(metadata: Metadata) -> bool:
    """Whether training takes a target."""
    return metadata.type == "training" and metadata.target_type != TargetType.ANOMALY.value


def _project(metadata: Metadata) -> str | None:
    section = metadata.training_model
    return section.train_on_project if section else None


def calls_of(metadata: Metadata, target: Target | None, files: FolderFiles) -> tuple[Call, ...]:
    """All calls of a push, the first the one by which the client finds out whom it talks to.

    `target` is that of a model which is trained already; a task has none yet.
    """
    training = metadata.type == "training"
    hello = Call(purpose="check address, token and version", method="GET", path=("version",))
    model: str | Later = metadata.model_id or Later("taskId" if training else "modelId")
    calls = [hello]
    if isinstance(model, Later):
        calls.append(
            _create_task(metadata, model)
            if target is None
            else _create_model(metadata, target, model)
        )
    kind = "customTasks" if training else "customModels"
    calls.append(
        Call(
            purpose="upload the folder as a version",
            path=(kind, model, "versions"),
            fields={
                "isMajorUpdate": str(metadata.major_version),
                "baseEnvironmentId": metadata.environment_id,
            },
            files=files,
            multipart=True,
            gives="versionId",
        )
    )
    if training:
        calls += _blueprint_calls(_project(metadata))
    return tuple(calls)


def _create_task(metadata: Metadata, gives: Later) -> Call:
    return Call(
        purpose="create a custom task",
        path=("customTasks",),
        fields={
            "name": metadata.name,
            "targetType": TARGET_TYPES[TargetType(metadata.target_type)],
            "description": metadata.description or _DESCRIPTION,
        },
        gives=gives.name,
    )


def _create_model(metadata: Metadata, target: Target, gives: Later) -> Call:
    section = metadata.inference_model
    fields: dict[str, Value] = {
        "customModelType": "inference",
        "name": metadata.name,
        "description": metadata.description or _DESCRIPTION,
        "targetName": section.target_name if section else None,
        "targetType": TARGET_TYPES[target.type],
    }
    match target:
        case BinaryTarget(positive=positive, negative=negative):
            fields |= {"positiveClassLabel": positive, "negativeClassLabel": negative}
            if section is not None and section.prediction_threshold is not None:
                fields["predictionThreshold"] = section.prediction_threshold
            fields["supportsBinaryClassification"] = True
        case MulticlassTarget(labels=labels):
            fields["classLabels"] = list(labels)
        case _ if target.type is TargetType.REGRESSION:
            fields["supportsRegression"] = True
        case _:
            pass
    return Call(
        purpose="create a custom model", path=("customModels",), fields=fields, gives=gives.name
    )


def _blueprint_calls(project: str | None) -> Iterator[Call]:
    yield Call(
        purpose="make a blueprint of the task",
        path=("userBlueprints", "fromCustomTaskVersionId"),
        fields={
            "customTaskVersionId": Later("versionId"),
            "saveToCatalog": False,
            "decompressedBlueprint": True,
        },
        gives="userBlueprintId",
        at="userBlueprintId",
    )
    if project is None:
        return
    yield Call(
        purpose="add the blueprint to the project",
        path=("userBlueprintsProjectBlueprints",),
        fields={"projectId": project, "userBlueprintIds": (Later("userBlueprintId"),)},
        gives="blueprintId",
        at="blueprintId",
    )
    yield Call(
        purpose="start training",
        path=("projects", project, "models"),
        fields={"blueprintId": Later("blueprintId")},
        gives="jobId",
        at="Location",
    )
    yield Call(
        purpose="find the model that is trained",
        method="GET",
        path=("projects", project, "modelJobs", Later("jobId")),
        gives="trainedModelId",
        at="modelId",
    )


def _filled(later: Later, answers: Answer) -> str:
    return answers.get(later.name, f"<{later.name}>")


def _json(value: Value, answers: Answer) -> JSON:
    if isinstance(value, Later):
        return _filled(value, answers)
    if isinstance(value, tuple):
        return [_filled(item, answers) for item in value]
    return value
