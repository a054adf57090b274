"""The attributes of a Report as Dagster sees them: taken as they come, with the declaration's schema for editors."""

from typing import Any

from batch_pipelines.components.pipeline import Attributes, either, or_text
from batch_pipelines.reporting.declaration.model import ReportDeclaration

_NAMES = {"type": "array", "items": {"type": "string"}}


class ReportAttributes(Attributes):
    """Whatever stands below `attributes` in the YAML of a Report."""

    declaration = ReportDeclaration
    as_text_too = (
        *((None, name) for name in ("formats", "data_sheets", "schedule", "max_age", "timeout")),
        *(("Email", name) for name in ("to", "cc", "bcc", "max_size")),
        *(("Compare", name) for name in ("by", "columns")),
        *(("Schedule", name) for name in ("wait_for", "deadline")),
        *(("Pivot", "rows"), ("Table", "totals"), ("Deliver", "webhook")),
    )

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema of the declaration as YAML may write it; columns may be labels or names, checks SQL."""
        schema = super().model_json_schema(*args, **kwargs)
        columns = schema["$defs"]["Table"]["properties"]["columns"]["anyOf"]
        columns[0]["additionalProperties"] = either(or_text(columns[0]["additionalProperties"]), {"type": "null"})
        columns.append(_NAMES)
        checks = schema["properties"]["checks"]
        checks["items"] = or_text(checks["items"])
        return schema
