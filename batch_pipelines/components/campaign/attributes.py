"""The attributes of a Campaign as Dagster sees them: taken as they come, with the declaration's schema for editors."""

from typing import Any

from batch_pipelines.campaigns.declaration.model import CampaignDeclaration
from batch_pipelines.components.pipeline import Attributes


class CampaignAttributes(Attributes):
    """Whatever stands below `attributes` in the YAML of a Campaign."""

    declaration = CampaignDeclaration
    as_text_too = (
        *((None, name) for name in ("schedule", "max_age", "unsubscribe", "attachments")),
        *(("Limits", name) for name in ("per_domain", "rates")),
        ("Schedule", "expires"),
        ("Data", "by"),
    )

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema of the declaration as YAML may write it; a chart's name is its title, too."""
        schema = super().model_json_schema(*args, **kwargs)
        chart = schema["$defs"]["Chart"]
        chart["required"] = [name for name in chart["required"] if name != "title"]
        return schema
