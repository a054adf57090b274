"""The attributes of a Report as Dagster sees them: taken as they come, with the declaration's schema for editors."""

from typing import Any

from batch_pipelines.components.documents import AnyAttributes
from batch_pipelines.reporting.declaration.model import ReportDeclaration

_AS_TEXT_TOO = (
    *(("Report", name) for name in ("owners", "formats", "data_sheets", "schedule", "max_age")),
    *(("Email", name) for name in ("to", "cc", "bcc", "max_size")),
    *(("Compare", name) for name in ("by", "columns")),
    *(("Schedule", name) for name in ("wait_for", "deadline")),
    *(("Timeout", name) for name in ("soft", "hard")),
    *(("Pivot", "rows"), ("Table", "totals"), ("Deliver", "webhook")),
)
_NAMES = {"type": "array", "items": {"type": "string"}}


class ReportAttributes(AnyAttributes):
    """Whatever stands below `attributes` in the YAML of a Report."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema of the declaration as YAML may write it: with units, scalars for lists."""
        schema = ReportDeclaration.model_json_schema(*args, **kwargs)
        properties, models = schema["properties"], schema["$defs"]
        schema["required"] = [name for name in schema["required"] if name != "name"]  # the folder gives it
        for model, name in _AS_TEXT_TOO:
            of_model = properties if model == "Report" else models[model]["properties"]
            of_model[name] = _or_text(of_model[name])
        columns = models["Table"]["properties"]["columns"]["anyOf"]
        columns[0]["additionalProperties"] = {"anyOf": [_or_text(columns[0]["additionalProperties"]), {"type": "null"}]}
        columns.append(_NAMES)
        properties["checks"]["items"] = _or_text(properties["checks"]["items"])
        for bound in ("start", "end"):
            models["Partitions"]["properties"][bound] = {}  # YAML has dates
        return schema


def _or_text(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [{"type": "string"}, schema]}
