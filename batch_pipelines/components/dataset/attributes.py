"""The attributes of a Dataset as Dagster sees them: taken as they come, with the declaration's schema for editors."""

from typing import Any

from batch_pipelines.components.pipeline import Attributes, either, or_text
from batch_pipelines.processing.declaration.model import DatasetDeclaration


class DatasetAttributes(Attributes):
    """Whatever stands below `attributes` in the YAML of a Dataset."""

    declaration = DatasetDeclaration
    given = ("name", "source")  # by the folder; by `sql` and its connection
    as_text_too = tuple((None, name) for name in ("nulls", "key", "chunk_size", "max_reject_rate", "time_travel"))

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema of the declaration as YAML may write it; a bare type is a column, too."""
        schema = super().model_json_schema(*args, **kwargs)
        properties = schema["properties"]
        properties["export"] = either(properties["export"]["items"], properties["export"])
        for choice in properties["columns"]["anyOf"]:
            if choice["type"] == "object":
                choice["additionalProperties"] = or_text(choice["additionalProperties"])
        return schema
