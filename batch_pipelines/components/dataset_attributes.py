"""The attributes of a Dataset as Dagster sees them: taken as they come, with the declaration's schema for editors."""

from typing import Any

from batch_pipelines.components.documents import AnyAttributes
from batch_pipelines.processing.declaration.model import DatasetDeclaration

_AS_TEXT_TOO = ("owners", "nulls", "key", "chunk_size", "max_reject_rate")

_GIVEN = ("name", "source")  # by the folder; by `sql` and its connection


class DatasetAttributes(AnyAttributes):
    """Whatever stands below `attributes` in the YAML of a Dataset."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema of the declaration as YAML may write it: with units, scalars for lists, bare types."""
        schema = DatasetDeclaration.model_json_schema(*args, **kwargs)
        properties, models = schema["properties"], schema["$defs"]
        schema["required"] = [name for name in schema["required"] if name not in _GIVEN]
        for name in _AS_TEXT_TOO:
            properties[name] = _or_text(properties[name])
        properties["timeout"] = _or({"type": "number"}, _or_text(properties["timeout"]))
        properties["export"] = _or(properties["export"]["items"], properties["export"])
        for limit in ("soft", "hard"):
            models["Timeout"]["properties"][limit] = _or_text(models["Timeout"]["properties"][limit])
        for bound in ("start", "end"):
            models["Partitions"]["properties"][bound] = {}  # YAML has dates
        for choice in properties["columns"]["anyOf"]:
            if choice["type"] == "object":
                choice["additionalProperties"] = _or_text(choice["additionalProperties"])
        return schema


def _or_text(schema: dict[str, Any]) -> dict[str, Any]:
    return _or({"type": "string"}, schema)


def _or(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [one, other]}
