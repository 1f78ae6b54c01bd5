"""model-metadata.yaml: what a folder says about itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Final, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from drum_core.errors import MetadataError, listed
from drum_core.model.yaml_text import Keys, YamlDocument, YamlValue, read_yaml_text

__all__ = ["METADATA_FILE", "Metadata", "read_metadata"]

METADATA_FILE: Final = "model-metadata.yaml"

_WORDS: Final = {
    **dict.fromkeys(("yes", "true", "on", "1"), True),
    **dict.fromkeys(("no", "false", "off", "0"), False),
}


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("expected a text, got a list or a mapping")
    return value


def _truth(value: object) -> object:
    if isinstance(value, str) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    raise ValueError(f"expected yes, no, true or false, got {value!r}")


Text: TypeAlias = Annotated[str, BeforeValidator(_text)]
Truth: TypeAlias = Annotated[bool, BeforeValidator(_truth)]
Free: TypeAlias = "YamlValue"


class _Section(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class ValidationSection(_Section):
    """`validation`: the data that `drum push` tries the model on."""

    input: Text
    target_name: Text | None = Field(None, alias="targetName")


class InferenceSection(_Section):
    """`inferenceModel`: target and labels of a trained model."""

    target_name: Text | None = Field(None, alias="targetName")
    positive_class_label: Text | None = Field(None, alias="positiveClassLabel")
    negative_class_label: Text | None = Field(None, alias="negativeClassLabel")
    class_labels: list[Text] | None = Field(None, alias="classLabels")
    class_labels_file: Text | None = Field(None, alias="classLabelsFile")
    prediction_threshold: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, alias="predictionThreshold"
    )


class TrainingSection(_Section):
    """`trainingModel`: where a task is trained after a push."""

    train_on_project: Text | None = Field(None, alias="trainOnProject")


class InputSchemaSection(_Section):
    """`inputSchema`: a JSON Schema of the input, for information."""

    type: Text
    properties: object
    title: Text | None = None
    required: list[Text] | None = None


class CredentialSection(_Section):
    """An item of `userCredentialSpecifications`, for information."""

    key: Text
    value_from: Text = Field(alias="valueFrom")
    reminder: Text | None = None


class Metadata(_Section):
    """The whole file. `document` is the file as read: every scalar a text."""

    name: Text
    type: Text
    target_type: Text = Field(alias="targetType")
    environment_id: Text | None = Field(None, alias="environmentID")
    validation: ValidationSection | None = None
    model_id: Text | None = Field(None, alias="modelID")
    description: Text | None = None
    major_version: Truth = Field(True, alias="majorVersion")
    inference_model: InferenceSection | None = Field(None, alias="inferenceModel")
    training_model: TrainingSection | None = Field(None, alias="trainingModel")
    hyperparameters: list[object] | None = None
    type_schema: object = Field(None, alias="typeSchema")
    input_schema: InputSchemaSection | None = Field(None, alias="inputSchema")
    custom_predictor: object = Field(None, alias="customPredictor")
    runtime_parameter_definitions: object = Field(None, alias="runtimeParameterDefinitions")
    user_credential_specifications: list[CredentialSection] | None = Field(
        None, alias="userCredentialSpecifications"
    )
    lazy_loading: object = Field(None, alias="lazyLoading")


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
        return Metadata.model_validate(document.content), document
    except ValidationError as error:
        raise _explained(path, document, error) from error


def _explained(path: Path, document: YamlDocument, error: ValidationError) -> MetadataError:
    """The first problem in full, and how many there are."""
    problems = error.errors()
    first = problems[0]
    keys: Keys = first["loc"]
    field = ".".join(str(key) for key in keys)
    match first["type"]:
        case "missing":
            text = f"the field {field!r} is missing."
        case "extra_forbidden":
            known = listed(_known_keys(keys), most=30)
            text = f"{field!r} is not a known field; expected one of {known}."
        case "value_error":
            text = f"{field!r}: {first['msg'].removeprefix('Value error, ')}."
        case _:
            text = (
                f"{field!r}: {first['msg'][0].lower()}{first['msg'][1:]}, got {first['input']!r}."
            )
    more = len(problems) - 1
    text += f" ({more} more problem{'s' if more > 1 else ''} in this file.)" if more else ""
    return MetadataError(path, text, line=document.line_of(keys))


def _known_keys(keys: Keys) -> list[str]:
    """The fields that may stand where the unknown one of `keys` stands."""
    sections: dict[str, type[BaseModel]] = {
        "validation": ValidationSection,
        "inferenceModel": InferenceSection,
        "trainingModel": TrainingSection,
        "inputSchema": InputSchemaSection,
        "userCredentialSpecifications": CredentialSection,
    }
    section = sections.get(str(keys[0]), Metadata) if len(keys) > 1 else Metadata
    return [info.alias or name for name, info in section.model_fields.items()]
