"""The plain sections of model-metadata.yaml."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from typing_extensions import Self

from drum_core.model.schema.scalars import Free, Section, Text

__all__ = [
    "CredentialSection",
    "InferenceSection",
    "InputSchemaSection",
    "LazyLoading",
    "RuntimeParameters",
    "TrainingSection",
    "ValidationSection",
]


class ValidationSection(Section):
    """The data that `drum push` tries the model on."""

    input: Text
    target_name: Text | None = Field(None, alias="targetName")


class InferenceSection(Section):
    """Target and labels of a trained model."""

    target_name: Text | None = Field(
        None, alias="targetName", description="The column that the model predicts."
    )
    positive_class_label: Text | None = Field(
        None,
        alias="positiveClassLabel",
        description="Binary: the class whose probability a single column is.",
    )
    negative_class_label: Text | None = Field(
        None, alias="negativeClassLabel", description="Binary: the other class."
    )
    class_labels: list[Text] | None = Field(
        None, alias="classLabels", description="Multiclass, multilabel: the labels."
    )
    class_labels_file: Text | None = Field(
        None,
        alias="classLabelsFile",
        description="Multiclass, multilabel: a file in the folder with one label a line.",
    )
    prediction_threshold: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None,
        alias="predictionThreshold",
        description="The probability above which a row belongs to a class.",
    )


class TrainingSection(Section):
    """Where a task is trained after a push."""

    train_on_project: Text | None = Field(None, alias="trainOnProject")


class InputSchemaSection(Section):
    """A JSON Schema of the input, for information."""

    type: Text = Field(json_schema_extra={"const": "object"})
    properties: Free
    title: Text | None = None
    required: list[Text] | None = None

    @model_validator(mode="after")
    def _is_of_an_object(self) -> Self:
        if self.type != "object":
            raise ValueError(f"Only 'object' type schemas are supported, got {self.type!r}")
        if not isinstance(self.properties, dict):
            raise ValueError(f"'properties' must be a dictionary, got {self.properties!r}")
        return self


class CredentialSection(Section):
    """A credential that the model needs, for information."""

    key: Text
    value_from: Text = Field(alias="valueFrom")
    reminder: Text | None = None


class _Described(BaseModel):
    """The shape of a section that is not read here: other keys may be there."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")


_NUMBER: Final = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"
_Bound: TypeAlias = Annotated[
    float, WithJsonSchema({"type": ["number", "string", "null"], "pattern": _NUMBER})
]
"""A number, also in quotes, or nothing."""


class RuntimeParameterDefinition(_Described):
    """A runtime parameter: its type, and its value where nobody sets one."""

    field_name: str = Field(alias="fieldName", min_length=1, description="Its name.")
    type: Literal["string", "boolean", "numeric", "credential", "deployment"]
    default_value: Free | None = Field(
        None, alias="defaultValue", description="The value where nobody sets one; else null."
    )
    allow_empty: bool = Field(True, alias="allowEmpty", description="false: there must be a value.")
    min_value: _Bound | None = Field(None, alias="minValue", description="Numeric: inclusive.")
    max_value: _Bound | None = Field(None, alias="maxValue", description="Numeric: inclusive.")
    allowed_values: Annotated[list[Free], Field(min_length=1)] | None = Field(
        None, alias="allowedValues", description="All values there may be."
    )
    credential_type: str | None = Field(
        None, alias="credentialType", description="Credential: the only type taken."
    )
    description: str | None = None


class LazyLoadingRepository(_Described):
    """Where files are fetched from."""

    repository_id: str = Field(alias="repositoryId")
    bucket_name: str = Field(alias="bucketName")
    credential_id: str = Field(alias="credentialId")
    endpoint_url: str | None = Field(None, alias="endpointUrl")
    verify_certificate: bool = Field(True, alias="verifyCertificate")


class LazyLoadingFile(_Described):
    """A file that is fetched before the model is loaded."""

    remote_path: str = Field(alias="remotePath")
    local_path: str = Field(alias="localPath")
    repository_id: str = Field(alias="repositoryId")


class LazyLoadingSection(_Described):
    """What a deployment fetches before the model is loaded; read by the platform only."""

    repositories: list[LazyLoadingRepository]
    files: list[LazyLoadingFile]


class _DescribedAs:
    """Annotates a section that is read as it is, and described to editors as a model."""

    def __init__(self, model: type[BaseModel], *, many: bool = False) -> None:
        self.model = model
        self.many = many

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        described = handler(self.model.__pydantic_core_schema__)
        return {"type": "array", "items": described} if self.many else described


RuntimeParameters: TypeAlias = Annotated[
    object, _DescribedAs(RuntimeParameterDefinition, many=True)
]
LazyLoading: TypeAlias = Annotated[object, _DescribedAs(LazyLoadingSection)]
