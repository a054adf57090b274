"""The attributes of a Campaign as Dagster sees them: taken as they come, with the declaration's schema for editors."""

from typing import Any

from batch_pipelines.campaigns.declaration.model import CampaignDeclaration
from batch_pipelines.components.documents import AnyAttributes

_AS_TEXT_TOO = ("owners", "schedule", "max_age", "unsubscribe", "attachments")


class CampaignAttributes(AnyAttributes):
    """Whatever stands below `attributes` in the YAML of a Campaign."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema of the declaration as YAML may write it: with units, scalars for lists and mappings."""
        schema = CampaignDeclaration.model_json_schema(*args, **kwargs)
        properties, models = schema["properties"], schema["$defs"]
        schema["required"] = [name for name in schema["required"] if name != "name"]  # the folder gives it
        for name in _AS_TEXT_TOO:
            properties[name] = {"anyOf": [{"type": "string"}, properties[name]]}
        models["Limits"]["properties"]["per_domain"] = {}
        models["Schedule"]["properties"]["expires"] = {}
        models["Data"]["properties"]["by"] = {}
        for chart in ("title",):
            models["Chart"]["required"] = [name for name in models["Chart"]["required"] if name != chart]
        for bound in ("start", "end"):
            models["Partitions"]["properties"][bound] = {}  # YAML has dates
        return schema
