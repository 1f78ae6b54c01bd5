"""The JSON Schema of model-metadata.yaml, by which editors complete and check it."""

from __future__ import annotations

import json
from typing import Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import override

from drum_core.model.metadata import METADATA_FILE, Metadata

__all__ = ["metadata_schema", "schema_text"]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class _AsWritten(GenerateJsonSchema):
    """Describes the file: a key that may be left out has no null, and no second name."""

    schema_dialect = _DIALECT

    @override
    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    @override
    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        described = super().default_schema(schema)
        if described.get("default", "") is None:
            del described["default"]
        return described

    @override
    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def _trained(target_type: str, required: JsonSchemaValue) -> JsonSchemaValue:
    """What a trained model of a target type must have under `inferenceModel`."""
    kind = {"type": {"const": "inference"}, "targetType": {"const": target_type}}
    return {
        "if": {"properties": kind},
        "then": {"required": ["inferenceModel"], "properties": {"inferenceModel": required}},
    }


_ONE_LIST: Final[JsonSchemaValue] = {
    "oneOf": [{"required": ["classLabels"]}, {"required": ["classLabelsFile"]}]
}
_LABELS: Final = [
    _trained("binary", {"required": ["positiveClassLabel", "negativeClassLabel"]}),
    _trained("multiclass", _ONE_LIST),
    _trained("multilabel", _ONE_LIST),
]


def metadata_schema() -> JsonSchemaValue:
    """The schema, as a JSON object of draft 2020-12."""
    described = Metadata.model_json_schema(schema_generator=_AsWritten)
    return {"$schema": _DIALECT, **described, "title": METADATA_FILE, "allOf": _LABELS}


def schema_text() -> str:
    """The schema as a file would hold it, without a line end."""
    return json.dumps(metadata_schema(), indent=2)
