"""The attributes of a Report as Dagster sees them: taken as they come, with the declaration's schema for editors."""

from typing import Any

from batch_pipelines.components.documents import AnyAttributes
from batch_pipelines.reporting.declaration.model import ReportDeclaration

_AS_TEXT_TOO = ("owners", "formats", "data_sheets", "schedule", "max_age")


class ReportAttributes(AnyAttributes):
    """Whatever stands below `attributes` in the YAML of a Report."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema of the declaration as YAML may write it: with units, scalars for lists."""
        schema = ReportDeclaration.model_json_schema(*args, **kwargs)
        properties, models = schema["properties"], schema["$defs"]
        schema["required"] = [name for name in schema["required"] if name != "name"]  # the folder gives it
        for name in _AS_TEXT_TOO:
            properties[name] = {"anyOf": [{"type": "string"}, properties[name]]}
        for bound in ("start", "end"):
            models["Partitions"]["properties"][bound] = {}  # YAML has dates
        return schema
