"""model-metadata.yaml: what a folder says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, get_args

from pydantic import AfterValidator, Field, ValidationError, WithJsonSchema

from drum_core.errors import MetadataError, TypeSchemaError, listed
from drum_core.model.schema.hyperparameters import Hyperparameter
from drum_core.model.schema.scalars import Free, Section, Text, Truth
from drum_core.model.schema.sections import (
    CredentialSection,
    InferenceSection,
    InputSchemaSection,
    LazyLoading,
    RuntimeParameters,
    TrainingSection,
    ValidationSection,
)
from drum_core.model.schema.spec import AMBIGUOUS, InputRequirement, TypeSchema
from drum_core.model.yaml_text import Keys, YamlDocument, YamlValue, read_yaml_text
from drum_core.options.choices import TargetType

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["METADATA_FILE", "InferenceSection", "Metadata", "read_metadata"]

METADATA_FILE: Final = "model-metadata.yaml"


def _tags(union: object, key: str) -> list[str]:
    """What the key that tells the members of a union apart may be."""
    members, _ = get_args(union)
    return [get_args(member.model_fields[key].annotation)[0] for member in get_args(members)]


_TAGS: Final = {"type": _tags(Hyperparameter, "type"), "field": _tags(InputRequirement, "field")}

_TARGET_TYPES: Final = [kind.value for kind in TargetType]


def _target_type(value: str) -> str:
    if value not in _TARGET_TYPES:
        raise ValueError(f"expected one of {', '.join(_TARGET_TYPES)}, got {value!r}")
    return value


class Metadata(Section):
    """What a model folder says about itself, in model-metadata.yaml."""

    name: Text = Field(description="The title of the model.")
    type: Annotated[Text, WithJsonSchema({"enum": ["inference", "training"]})] = Field(
        description="inference: a trained model; training: a task that is trained with drum fit."
    )
    target_type: Annotated[
        Text, AfterValidator(_target_type), WithJsonSchema({"enum": _TARGET_TYPES})
    ] = Field(alias="targetType", description="What the model predicts.")
    environment_id: Text | None = Field(
        None, alias="environmentID", description="Push: the environment the model runs in."
    )
    validation: ValidationSection | None = None
    model_id: Text | None = Field(
        None, alias="modelID", description="Push: add a version to this model."
    )
    description: Text | None = None
    major_version: Truth = Field(
        True, alias="majorVersion", description="Push: whether it is a major version."
    )
    inference_model: InferenceSection | None = Field(None, alias="inferenceModel")
    training_model: TrainingSection | None = Field(None, alias="trainingModel")
    hyperparameters: list[Hyperparameter] | None = Field(
        None, description="What a training task can be tuned with."
    )
    type_schema: TypeSchema | None = Field(None, alias="typeSchema")
    input_schema: InputSchemaSection | None = Field(None, alias="inputSchema")
    custom_predictor: Free | None = Field(None, alias="customPredictor")
    runtime_parameter_definitions: RuntimeParameters | None = Field(
        None,
        alias="runtimeParameterDefinitions",
        description="The runtime parameters of the model, checked when a file of values is given.",
    )
    user_credential_specifications: list[CredentialSection] | None = Field(
        None, alias="userCredentialSpecifications"
    )
    lazy_loading: LazyLoading | None = Field(None, alias="lazyLoading")


def read_metadata(folder: Path) -> tuple[Metadata, YamlDocument] | None:
    """The metadata of a model folder; `None` when it has none.

    Raises `MetadataError` naming file, line and field.
    """
    path = folder / METADATA_FILE
    if not path.exists():
        return None
    if not path.is_file():
        raise MetadataError(path, "expected a file.")
    try:
        document = read_yaml_text(path)
    except OSError as error:
        raise MetadataError(path, f"it cannot be read: {error.strerror}.") from error
    if not isinstance(document.content, dict):
        raise MetadataError(path, "expected keys with values, such as 'name: my model'.", line=1)
    try:
        metadata = Metadata.model_validate(document.content)
    except ValidationError as error:
        raise _explained(path, document, error) from error
    _check_labels(path, document, metadata)
    return metadata, document


def _explained(path: Path, document: YamlDocument, error: ValidationError) -> MetadataError:
    """The first problem in full, and how many there are."""
    problems = error.errors()
    first = problems[0]
    keys = _keys_of(first, document.content)
    text = _problem(first, ".".join(str(key) for key in keys))
    more = len(problems) - 1
    text += f" ({more} more problem{'s' if more > 1 else ''} in this file.)" if more else ""
    kind = TypeSchemaError if first["type"] == AMBIGUOUS else MetadataError
    return kind(path, text, line=document.line_of(keys))


def _problem(error: ErrorDetails, field: str) -> str:
    given = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return f"the field {field!r} is missing."
        case "unknown_key":
            known = listed(given["known"], most=30)
            return f"{field!r} is not a known field; expected one of {known}."
        case "union_tag_not_found":
            known = ", ".join(_TAGS[given["discriminator"].strip("'")])
            return f"{field!r} is required; expected one of {known}."
        case "union_tag_invalid":
            tags = given["expected_tags"].replace("'", "")
            return f"{field!r} is invalid; expected one of {tags}, got {given['tag']!r}."
        case "value_error":
            return f"{field!r}: {error['msg'].removeprefix('Value error, ')}."
        case "not_a_mapping" | "model_attributes_type":
            return f"{field!r}: expected keys with values, got {error['input']!r}."
        case kind if kind == AMBIGUOUS:
            return f"{field!r}: {error['msg']}."
        case _:
            return (
                f"{field!r}: {error['msg'][0].lower()}{error['msg'][1:]}, got {error['input']!r}."
            )


def _keys_of(error: ErrorDetails, content: YamlValue) -> Keys:
    """Where in the file a problem is; pydantic's path also has the names of union members."""
    found: list[str | int] = []
    path = list(error["loc"])
    for place, key in enumerate(path):
        if isinstance(content, Mapping) and key in content:
            content = content[str(key)]
        elif isinstance(content, list) and isinstance(key, int) and key < len(content):
            content = content[key]
        elif not (error["type"] == "missing" and place == len(path) - 1):
            continue
        found.append(key)
    given = error.get("ctx", {})
    if error["type"] == "unknown_key":
        found.append(given["key"])
    elif error["type"].startswith("union_tag"):
        found.append(str(given["discriminator"]).strip("'"))
    return tuple(found)


def _check_labels(path: Path, document: YamlDocument, metadata: Metadata) -> None:
    """What the metadata of a trained model must say of its labels, whatever the options say."""
    if metadata.type != "inference":
        return
    section, kind = metadata.inference_model, metadata.target_type
    line = document.line_of(("inferenceModel",) if section else ("targetType",))
    if kind == TargetType.BINARY.value:
        keys = ["positiveClassLabel", "negativeClassLabel"]
        labels = [section.positive_class_label, section.negative_class_label] if section else []
        missing = [key for key, label in zip(keys, labels, strict=False) if label is None]
        if section is None or missing:
            text = (
                f"a binary model needs its labels. Missing keys: {missing or ['inferenceModel']}."
            )
            raise MetadataError(path, text, line=line)
    elif kind in (TargetType.MULTICLASS.value, TargetType.MULTILABEL.value):
        if section is None:
            text = f"a {kind} model needs its labels. Missing keys: ['inferenceModel']."
            raise MetadataError(path, text, line=line)
        if section.class_labels is None and section.class_labels_file is None:
            text = (
                "'inferenceModel': either the class labels or a class labels file must be "
                f"provided in {METADATA_FILE} file."
            )
            raise MetadataError(path, text, line=line)
        if section.class_labels is not None and section.class_labels_file is not None:
            text = (
                "'inferenceModel': classLabels or classLabelsFile should be provided in "
                f"{METADATA_FILE} file, but not both."
            )
            raise MetadataError(path, text, line=line)
