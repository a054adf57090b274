"""The YAML document that a component stands for, with the lines of its keys.

Dagster checks attributes before a component can; its complaints know neither our units nor the nearest key. So our
components' models let everything pass, and `load` has the declaration check the document itself.
"""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import BaseModel, ConfigDict

from batch_pipelines.core.declaring.declared import FILE_NAME
from batch_pipelines.core.declaring.yaml_files import Document, read_documents


class AnyAttributes(BaseModel):
    """Whatever stands below `attributes`."""

    model_config = ConfigDict(extra="allow")

    def given(self) -> dict[str, Any]:
        """Return the attributes as plain data."""
        return dict(self.model_extra or {})


def document_of(type_name: str, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Document:
    """Return the document with the lines of its keys; without a file (`from_attributes_dict`), without lines.

    Args:
        type_name: The `type` of the document.
        attributes: The attributes as Dagster read them.
        context: Where Dagster loads the component from.
    """
    file: Path = context.path / FILE_NAME
    number = context.component_path.instance_key
    if file.is_file():
        documents = read_documents(file)
        if isinstance(number, int) and number < len(documents):
            return documents[number]
    given = attributes.given() if isinstance(attributes, AnyAttributes) else {}
    return Document("attributes", 0, {"type": type_name, "attributes": given}, {})
